"""Open ccxt's exchange object; all changes to it are made here."""

from typing import Any
from urllib.parse import urlsplit

from candle_ingest.connections import ExchangeConnection
from candle_ingest.errors.settings import ExchangeUnknownError
from candle_ingest.exchanges.answers import ParsedRows
from candle_ingest.exchanges.bounded_http import BoundedAdapter
from candle_ingest.exchanges.connection_settings import allowed_settings
from candle_ingest.exchanges.profiles import ExchangeProfile

REQUEST_TIMEOUT_MS = 20_000


def open_ccxt(connection: ExchangeConnection, profile: ExchangeProfile) -> Any:
    """Return a ccxt object with the base URL, keys and settings of the connection.

    Raises ExchangeUnknownError if ccxt has no such exchange, or cannot fetch its candles.
    """
    # Only now: importing it takes two seconds, and the help of a command needs none of it.
    import ccxt

    if connection.exchange not in ccxt.exchanges:
        raise ExchangeUnknownError(
            f"ccxt {ccxt.__version__} knows no exchange {connection.exchange!r}; known are {', '.join(ccxt.exchanges)}"
        )
    settings = {"timeout": REQUEST_TIMEOUT_MS, **_table_pace(profile), **allowed_settings(connection)}
    api = getattr(ccxt, connection.exchange)(ccxt.Exchange.deep_extend(settings, _fixed_settings(profile)))
    if not api.has.get("fetchOHLCV"):
        raise ExchangeUnknownError(f"{connection.exchange} serves no candles through ccxt; leave it out of exchanges")
    if connection.base_url:
        api.urls["api"] = _moved(api.urls["api"], connection.base_url)
    for scheme in ("http://", "https://"):
        api.session.mount(scheme, BoundedAdapter())
    for name in profile.skipped_requests:
        setattr(api, name, lambda params=None: [])
    _keep_all_rows(api)
    _keep_response(api)
    return api


def _table_pace(profile: ExchangeProfile) -> dict[str, Any]:
    """Return the table's pace for ccxt's own throttle, which ignores markets; the user's takes precedence."""
    if profile.market_seconds:
        return {"rateLimit": 1000 * profile.market_seconds / profile.call_cost}
    return {} if profile.rate_limit_ms is None else {"rateLimit": profile.rate_limit_ms}


def _fixed_settings(profile: ExchangeProfile) -> dict[str, Any]:
    """Return the settings that no connection may change, except `timeout` and `rateLimit`."""
    return {
        "enableRateLimit": True,
        "enableLastJsonResponse": True,
        "enableLastResponseHeaders": True,
        # ccxt would print requests, their headers and keys, to the task's output.
        "verbose": False,
        "options": dict(profile.ccxt_options),
        # The currency list is not needed and costs at least one request.
        "has": {"fetchCurrencies": False},
    }


def _moved(urls: Any, base_url: str) -> Any:
    """Return the same URLs elsewhere: scheme, host and port are replaced, each URL keeps its own path."""
    if isinstance(urls, dict):
        return {key: _moved(value, base_url) for key, value in urls.items()}
    return base_url + urlsplit(urls).path


def _keep_all_rows(api: Any) -> None:
    """Make ccxt return each parsed row together with the row as sent, ascending.

    By itself ccxt silently drops rows outside the window, and columns that it does not use. It takes a response that is
    not JSON for a list of letters.
    """

    def parse_all(rows: Any, market: Any = None, *_: Any, **__: Any) -> ParsedRows:
        if isinstance(rows, str):
            raise TypeError("text instead of rows")
        sent = list(rows or ())
        parsed = [api.parse_ohlcv(row, market) for row in sent]
        order = sorted(range(len(sent)), key=[row[0] for row in parsed].__getitem__)
        return ParsedRows([parsed[place] for place in order], [sent[place] for place in order])

    api.parse_ohlcvs = parse_all


def _keep_response(api: Any) -> None:
    """Keep status and body of the last response as `last_status` and `last_body`: ccxt's exceptions may lack them.

    They are reset before each request, so that no error is explained by an earlier response.
    """
    on_response, fetch = api.on_rest_response, api.fetch

    def reset_and_fetch(*args: Any, **kwargs: Any) -> Any:
        api.last_status = api.last_body = api.last_json_response = api.last_response_headers = None
        return fetch(*args, **kwargs)

    def keep(status: int, reason: str, url: str, method: str, headers: Any, body: str, *request: Any) -> Any:
        api.last_status, api.last_body = status, body
        return on_response(status, reason, url, method, headers, body, *request)

    api.last_status = api.last_body = None
    api.fetch, api.on_rest_response = reset_and_fetch, keep
