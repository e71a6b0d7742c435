"""User and password in a URL, which belong in no message."""

import re

_USERINFO = re.compile(r"//[^/@\s]+@")


def without_userinfo(text: str) -> str:
    """The text, with `***` for user and password of each URL in it.

    >>> without_userinfo("GET http://me:secret@proxy.example/path")
    'GET http://***@proxy.example/path'
    """
    return _USERINFO.sub("//***@", text)
