"""Texts from outside, without what must not be stored or logged: secrets in URLs, and control characters."""

import re
from urllib.parse import urlsplit

_USERINFO = re.compile(r"//[^/@\s]+@")
# Terminals obey C0 and C1 control characters (ECMA-48); Unicode's direction overrides hide what a text says.
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def without_userinfo(text: str) -> str:
    """Return the text with `***` for user and password of each URL in it.

    >>> without_userinfo("GET http://me:secret@proxy.example/path")
    'GET http://***@proxy.example/path'
    """
    return _USERINFO.sub("//***@", text)


def without_base_url(text: str, base_url: str | None) -> str:
    """Return the text with scheme, host and port only of the base URL of a connection: its path may be a token.

    >>> without_base_url("GET http://proxy.example/token/0/public/OHLC 503", "http://proxy.example/token")
    'GET http://proxy.example/…/0/public/OHLC 503'
    """
    path = urlsplit(base_url).path.rstrip("/") if base_url else ""
    return without_userinfo(text.replace(path, "/…") if path else text)


def without_controls(text: str) -> str:
    r"""Return the text with a replacement character for each control character; tabs and line ends stay.

    >>> without_controls("\x1b[2J all is complete")
    '�[2J all is complete'
    """
    return _CONTROLS.sub("\N{REPLACEMENT CHARACTER}", text)
