"""Opens ccxt's object of an exchange, and changes it in this one place."""

from typing import Any
from urllib.parse import urlsplit

import ccxt

from candle_ingest.connections import ExchangeConnection
from candle_ingest.errors.settings import ExchangeUnknownError
from candle_ingest.exchanges.bounded_http import BoundedAdapter
from candle_ingest.exchanges.profiles import ExchangeProfile

REQUEST_TIMEOUT_MS = 20_000


def open_ccxt(connection: ExchangeConnection, profile: ExchangeProfile) -> Any:
    """Return a ccxt object with the base URL, keys and settings of the connection.

    Raises ExchangeUnknownError where ccxt has no such exchange, or no candles of it.
    """
    if connection.exchange not in ccxt.exchanges:
        raise ExchangeUnknownError(
            f"ccxt {ccxt.__version__} knows no exchange {connection.exchange!r}; known are {', '.join(ccxt.exchanges)}"
        )
    api = getattr(ccxt, connection.exchange)(
        ccxt.Exchange.deep_extend(connection.config, _own_settings(connection, profile))
    )
    if not api.has.get("fetchOHLCV"):
        raise ExchangeUnknownError(f"{connection.exchange} serves no candles through ccxt; leave it out of exchanges")
    if connection.base_url:
        api.urls["api"] = _moved(api.urls["api"], connection.base_url)
    for scheme in ("http://", "https://"):
        api.session.mount(scheme, BoundedAdapter())
    _keep_all_rows(api)
    _keep_status(api)
    return api


def _own_settings(connection: ExchangeConnection, profile: ExchangeProfile) -> dict[str, Any]:
    """Return what no connection may change; `timeout` and `rateLimit` come from the connection where it has them."""
    return {
        "enableRateLimit": True,
        "timeout": connection.config.get("timeout", REQUEST_TIMEOUT_MS),
        "enableLastJsonResponse": True,
        "enableLastResponseHeaders": True,
        # ccxt would print requests, their headers and keys, to the task's output.
        "verbose": False,
        "options": dict(profile.ccxt_options),
        # The currency list is not needed, and costs a request or more.
        "has": {"fetchCurrencies": False},
    }


def _moved(urls: Any, base_url: str) -> Any:
    """Return the same URLs at another place: scheme, host and port are replaced, each URL's own path is kept."""
    if isinstance(urls, dict):
        return {key: _moved(value, base_url) for key, value in urls.items()}
    return base_url + urlsplit(urls).path


def _keep_all_rows(api: Any) -> None:
    """Let ccxt return each row: it drops those outside the window in silence, and here each is checked and counted."""
    parse_all = api.parse_ohlcvs
    api.parse_ohlcvs = lambda rows, market=None, timeframe="1m", since=None, limit=None, tail=False: parse_all(
        rows, market, timeframe
    )


def _keep_status(api: Any) -> None:
    """Keep the HTTP status of the last answer as `last_status`: ccxt's exceptions carry it in some texts only."""
    on_response = api.on_rest_response

    def note_status(status: int, *args: Any) -> Any:
        api.last_status = status
        return on_response(status, *args)

    api.last_status = None
    api.on_rest_response = note_status
