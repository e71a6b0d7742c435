"""Which settings the connection `ccxt_<exchange>` may have: a few keys, each with its reason.

A user who can edit a connection must not be able to run code on a worker or switch off checks, which ccxt's other
settings allow (`{"has": {"fetchCurrencies": true}}` for the exchange lighter loads a shared library from disk).
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any
from urllib.parse import urlsplit

from candle_ingest.connections import ExchangeConnection
from candle_ingest.errors.settings import ConnectionInvalidError

MAX_RATE_LIMIT_MS = 600_000
MAX_TIMEOUT_MS = 60_000
PROXY_SCHEMES = ("http", "https", "socks4", "socks4a", "socks5", "socks5h")


def _is_proxy(value: object) -> bool:
    try:
        return isinstance(value, str) and urlsplit(value).scheme in PROXY_SCHEMES and value.isprintable()
    except ValueError:
        return False


def _is_text(value: object) -> bool:
    return isinstance(value, str) and value.isprintable()


def _is_headers(value: object) -> bool:
    return isinstance(value, dict) and all(_is_text(key) and _is_text(value[key]) for key in value)


def _is_number_up_to(most: float) -> Callable[[object], bool]:
    return lambda value: isinstance(value, int | float) and not isinstance(value, bool) and 0 < value <= most


# Key: whether a value is allowed, and which values are. The reason is above each.
ALLOWED_KEYS: Mapping[str, tuple[Callable[[object], bool], str]] = MappingProxyType(
    {
        # Workers without direct access to the internet, or in a country that an exchange refuses. ccxt does not read
        # the proxy variables of the environment.
        **dict.fromkeys(
            ("httpProxy", "httpsProxy", "socksProxy", "http_proxy", "https_proxy", "socks_proxy"),
            (_is_proxy, "a URL such as http://proxy.example:3128"),
        ),
        # Users whose address is limited more strictly, or shared with other programs, need a slower rate.
        "rateLimit": (_is_number_up_to(MAX_RATE_LIMIT_MS), f"milliseconds up to {MAX_RATE_LIMIT_MS}"),
        # Slow proxies need longer than the default, but a task must still end.
        "timeout": (_is_number_up_to(MAX_TIMEOUT_MS), f"milliseconds up to {MAX_TIMEOUT_MS}"),
        # Some proxies authenticate by a header.
        "headers": (_is_headers, "an object of printable strings"),
        # Login and password of the connection; some exchanges serve more with a key.
        "apiKey": (_is_text, "a printable string"),
        "secret": (_is_text, "a printable string"),
    }
)


def allowed_settings(connection: ExchangeConnection) -> dict[str, Any]:
    """Return the connection's settings for ccxt. Raises ConnectionInvalidError naming what is not allowed.

    The value is not shown, as it may be a secret.
    """
    conn_id = f"ccxt_{connection.exchange}"
    refused = sorted(map(ascii, connection.config.keys() - ALLOWED_KEYS.keys()))
    if refused:
        raise ConnectionInvalidError(
            f"connection {conn_id}: extra has {', '.join(refused)}, which may not be set; allowed are "
            f"{', '.join(ALLOWED_KEYS)}"
        )
    for key, value in connection.config.items():
        is_allowed, expected = ALLOWED_KEYS[key]
        if not is_allowed(value):
            raise ConnectionInvalidError(f"connection {conn_id}: {key} in extra must be {expected}")
    return dict(connection.config)
