import functools
import json

import ccxt
import pytest

from candle_ingest.errors import CandleIngestError, PermanentError, TemporaryError
from candle_ingest.exchanges.error_mapping import (
    ExchangeBlockedError,
    ExchangeKeyError,
    ExchangeLimitedError,
    ExchangeRefusedError,
    ExchangeTemporaryError,
    ExchangeUnavailableError,
    translate_errors,
)
from candle_ingest.exchanges.error_table import ERROR_TABLE, ErrorKind, find_row
from candle_ingest.exchanges.profiles import PROFILES

RETRY_AFTER = {"Retry-After": "7"}
ASKED = "binance, BTC/USDT 1m candles"
LIMITED, UNAVAILABLE, FINAL = ExchangeLimitedError, ExchangeUnavailableError, ExchangeRefusedError
CLASSES = {
    ErrorKind.LIMITED: LIMITED,
    ErrorKind.UNAVAILABLE: UNAVAILABLE,
    ErrorKind.REGION: ExchangeBlockedError,
    ErrorKind.FINAL: FINAL,
}
BYBIT = {"result": {}, "retExtInfo": {}, "time": 1}
# For each row of the table, in its order, a response as the exchange sends it.
RESPONSES = [
    ("bybit", 403, "The Amazon CloudFront distribution is configured to block access from your country."),
    ("binance", 451, {"code": 0, "msg": "Service unavailable from a restricted location"}),
    ("kucoin", 200, {"code": "400303", "msg": "Our services are currently unavailable in the U.S."}),
    ("bybit", 200, {"retCode": 1, "retMsg": "Access is currently unavailable for your region.", **BYBIT}),
    ("bybit", 200, {"retCode": 10009, "retMsg": "Service Restricted", **BYBIT}),
    ("bybit", 200, {"retCode": 10024, "retMsg": "Compliance rules triggered", **BYBIT}),
    ("kucoin", 200, {"code": "400302", "msg": "Restricted"}),
    ("kraken", 200, {"error": ["EGeneral:Too many requests"]}),
    ("htx", 200, {"status": "error", "err-code": "too-many-requests", "err-msg": "slow down"}),
    ("binance", 400, {"code": -1003, "msg": "Too much request weight used"}),
    ("binance", 400, {"code": -1000, "msg": "An unknown error occurred while processing the request."}),
    ("binance", 400, {"code": -1001, "msg": "Internal error; unable to process your request. Please try again."}),
    ("binanceus", 503, {"code": -1008, "msg": "Server is currently overloaded with other requests."}),
    ("binance", 400, {"code": -1120, "msg": "Invalid interval."}),
    ("binance", 400, {"code": -1121, "msg": "Invalid symbol."}),
    ("bybit", 200, {"retCode": 10006, "retMsg": "Too many visits!", **BYBIT}),
    ("bybit", 200, {"retCode": 10429, "retMsg": "System level frequency protection", **BYBIT}),
    ("bybit", 403, "403, access too frequent"),
    ("bybit", 200, {"retCode": 10000, "retMsg": "Server Timeout", **BYBIT}),
    ("bybit", 200, {"retCode": 10016, "retMsg": "Server error.", **BYBIT}),
    ("bybit", 200, {"retCode": 10001, "retMsg": "Not supported symbols", **BYBIT}),
    ("bitstamp", 400, {"status": "error", "reason": "exceeded rate limit", "response_code": "400.002"}),
    ("bitstamp", 400, {"status": "error", "reason": "Request rate limit exceeded", "code": "400.067"}),
    ("bitstamp", 400, {"status": "error", "reason": "Request rate limit exceeded", "code": "400.068"}),
    ("bitstamp", 200, {"status": "error", "reason": "Temporarily unavailable", "code": "API9999"}),
    ("gate", 400, {"label": "TOO_MANY_REQUESTS", "message": "Request Rate Limit Exceeded"}),
    ("gate", 400, {"label": "SERVER_ERROR", "message": "please retry"}),
    ("gate", 400, {"label": "INTERNAL", "message": "internal error"}),
    ("gate", 400, {"label": "TOO_BUSY", "message": "busy"}),
    ("gate", 400, {"label": "INVALID_CURRENCY_PAIR", "message": "Invalid currency pair X_Y"}),
    ("gate", 400, {"label": "INVALID_PARAM_VALUE", "message": "Candlestick too long ago. Maximum 10000 points"}),
    ("htx", 200, {"status": "error", "err-code": "base-request-exceed-frequency-limit", "err-msg": "slow down"}),
    ("htx", 200, {"status": "error", "err-code": "system-maintenance", "err-msg": "System is in maintenance!"}),
    ("htx", 200, {"status": "error", "err-code": "base-request-timeout", "err-msg": "request timeout"}),
    ("htx", 200, {"status": "error", "err-code": "service-unavailable", "err-msg": "try again later"}),
    ("htx", 200, {"status": "error", "err-code": "invalid-parameter", "err-msg": "invalid symbol"}),
    ("okx", 200, {"code": "50011", "msg": "Rate limit reached.", "data": []}),
    ("okx", 200, {"code": "50061", "msg": "Rate limit of the sub-account.", "data": []}),
    ("okx", 200, {"code": "50001", "msg": "Service temporarily unavailable.", "data": []}),
    ("okx", 400, {"code": "50004", "msg": "API endpoint request timeout.", "data": []}),
    ("okx", 200, {"code": "50013", "msg": "Systems are busy. Please try again later.", "data": []}),
    ("okx", 200, {"code": "50026", "msg": "System error, please try again later.", "data": []}),
    ("okx", 200, {"code": "51001", "msg": "Instrument ID doesn't exist.", "data": []}),
    ("kucoin", 200, {"code": "200002", "msg": "Request limit"}),
    ("kucoin", 400, {"code": "429000", "msg": "Slow down"}),
    ("kucoin", 200, {"code": "500000", "msg": "Internal Server Error"}),
    ("kucoin", 200, {"code": "230005", "msg": "System error"}),
    ("kucoin", 200, {"code": "400100", "msg": "Unsupported trading pair."}),
    ("kraken", 200, {"error": ["EAPI:Rate limit exceeded"]}),
    ("kraken", 200, {"error": ["EGeneral:Temporary lockout"]}),
    ("kraken", 200, {"error": ["EService:Deadline elapsed"]}),
    ("kraken", 200, {"error": ["EDatabase:Internal error"]}),
    ("kraken", 200, {"error": ["EGeneral:Internal error"]}),
    ("kraken", 200, {"error": ["EQuery:Unknown asset pair"]}),
    ("kraken", 200, {"error": ["EGeneral:Invalid arguments:interval"]}),
    ("coinbase", 500, {"error": "INTERNAL", "error_details": "internal error", "message": "internal error"}),
    ("coinbase", 503, {"errors": [{"id": "internal_server_error", "message": "Please try again"}]}),
    ("coinbase", 503, {"error": "unknown", "message": "circuit breaker open.  See go/circuit-breaker"}),
    ("coinbase", 400, {"error": "INVALID_ARGUMENT", "message": "granularity argument is invalid"}),
    ("coinbase", 404, {"error": "NOT_FOUND", "message": "valid product_id is required"}),
    ("coinbaseexchange", 404, {"message": "NotFound"}),
    ("coinbaseexchange", 400, {"message": "granularity too small for the requested time range"}),
    ("bitstamp", 404, {"status": "error", "reason": "Not found.", "code": "404"}),
]  # fmt: skip


@functools.cache
def opened(exchange_id):
    return getattr(ccxt, exchange_id)()


def raised_for(exchange_id, status, body, headers=None):
    """Return the error that ccxt raises when it parses the response."""
    api = opened(exchange_id)
    text = body if isinstance(body, str) else json.dumps(body)
    url = "https://exchange.example/candles"
    try:
        parsed = api.parse_json(text)
        api.handle_errors(status, "", url, "GET", headers or {}, text, parsed, {}, None)
        api.handle_http_status_code(status, "", url, "GET", text)
        # As in ccxt's fetch, for a status that neither of them knows.
        raise ccxt.ExchangeError(f"{exchange_id} GET {url}") if status >= 400 else AssertionError("a good answer")
    except ccxt.BaseError as error:
        return sorted_error(error, exchange_id, headers, status, text)


def sorted_error(error, exchange_id="binance", headers=None, status=None, body=None):
    api = opened(exchange_id)
    api.last_response_headers, api.last_status, api.last_body = headers, status, body
    with pytest.raises((TemporaryError, PermanentError)) as caught, translate_errors(api, ASKED):
        raise error
    return caught.value


@pytest.mark.parametrize(("row", "response"), [*zip(ERROR_TABLE, RESPONSES, strict=True)], ids=lambda x: str(x)[:60])
def test_each_row_of_the_table_is_found_and_has_its_class(row, response):
    exchange, status, body = response
    assert find_row(exchange, body if isinstance(body, str) else json.dumps(body)) is row
    assert type(raised_for(exchange, status, body)) is CLASSES[row.kind]


@pytest.mark.parametrize("status", [500, 502, 503, 504, *range(520, 531)])
@pytest.mark.parametrize(
    "body",
    [
        "",
        "<html>api.kraken.com | 524: A timeout occurred</html>",
        '{"code": -1121, "msg": "Invalid symbol."}',
        "The Amazon CloudFront distribution is configured to block access from your country.",
    ],
)
@pytest.mark.parametrize("exchange", PROFILES)
def test_every_5xx_is_temporary_whatever_its_body(exchange, status, body):
    error = raised_for(exchange, status, body, RETRY_AFTER)
    assert isinstance(error, ExchangeTemporaryError)
    assert error.retry_after_seconds == 7
    assert str(error).startswith(ASKED)


@pytest.mark.parametrize(
    ("exchange", "status", "body"),
    [
        ("binance", 429, ""),
        ("binance", 418, {"code": -1003, "msg": "Way too many requests."}),
        ("coinbaseexchange", 429, {"message": "Public rate limit exceeded"}),
        ("coinbase", 429, ""),
        ("gate", 429, ""),
    ],
)
def test_too_many_requests_are_known_by_their_status_too(exchange, status, body):
    error = raised_for(exchange, status, body, RETRY_AFTER)
    assert isinstance(error, ExchangeLimitedError)
    assert error.retry_after_seconds == 7


@pytest.mark.parametrize(
    ("exchange", "status", "body"),
    [
        ("kucoin", 200, {"code": "400100", "msg": "This type of Candlestick is currently not provided."}),
        ("okx", 200, {"code": "1", "msg": "Service temporarily unavailable.", "data": []}),
        ("bitstamp", 400, {"status": "error", "reason": "new words"}),
        ("binance", 400, {"code": -9999, "msg": "new"}),
        ("coinbaseexchange", 400, {"message": "new words"}),
    ],
)
def test_an_unknown_error_is_temporary(exchange, status, body):
    assert isinstance(raised_for(exchange, status, body), ExchangeTemporaryError)


@pytest.mark.parametrize(
    ("exchange", "status", "body", "way_out"),
    [
        ("binance", 451, "", "use binanceus"),
        ("kucoin", 200, {"code": "400302", "msg": "Our services are currently unavailable in the U.S."}, "ccxt_kucoin"),
        ("bybit", 403, "CloudFront is configured to block access from your country.", "ccxt_bybit"),
        ("bybiteu", 200, {"retCode": 10009, "retMsg": "Service Restricted"}, "ccxt_bybiteu"),
    ],
)
def test_a_geo_block_fails_at_once_with_the_way_out(exchange, status, body, way_out):
    error = raised_for(exchange, status, body)
    assert isinstance(error, ExchangeBlockedError)
    assert "refuses this country" in str(error)
    assert way_out in str(error)


def test_control_characters_of_an_exchange_reach_no_message():
    said = str(raised_for("binance", 503, "\x1b[31mred\x1b[0m\r\nfake log line\u202e\x07"))
    assert said.isprintable()
    assert "fake log line" in said


@pytest.mark.parametrize("kind", [ccxt.AuthenticationError, ccxt.PermissionDenied])
def test_a_bad_key_is_that_exchanges_failure_and_names_its_connection(kind):
    error = sorted_error(kind("Invalid API-key"), "kraken")
    assert isinstance(error, ExchangeKeyError)
    assert "ccxt_kraken" in str(error)


@pytest.mark.parametrize(
    "kind",
    [ccxt.NetworkError, ccxt.RequestTimeout, ccxt.DDoSProtection, ccxt.RateLimitExceeded, ccxt.ExchangeNotAvailable,
     ccxt.OnMaintenance, ccxt.InvalidNonce, ccxt.BadResponse, ccxt.NullResponse],
)  # fmt: skip
def test_what_ccxt_calls_a_failed_operation_is_retried(kind):
    assert isinstance(sorted_error(kind("…")), ExchangeTemporaryError)


@pytest.mark.parametrize("kind", [ccxt.BadSymbol, ccxt.NotSupported])
def test_requests_that_ccxt_cannot_make_are_not_retried(kind):
    assert isinstance(sorted_error(kind("…")), PermanentError)


@pytest.mark.parametrize("headers", [None, {}, {"Retry-After": "soon"}])
def test_without_a_usable_retry_after_there_is_none(headers):
    assert sorted_error(ccxt.NetworkError("…"), headers=headers).retry_after_seconds is None


def test_a_long_answer_is_shortened():
    assert len(str(sorted_error(ccxt.ExchangeNotAvailable("x" * 100_000)))) < 500


@pytest.mark.parametrize("error", [KeyError("data"), TypeError("a list"), ValueError("a text"), IndexError("a row")])
def test_a_parser_error_on_unexpected_json_is_temporary(error):
    api = ccxt.binance()
    api.last_body, api.last_json_response = "{}", {}
    temporary = pytest.raises(ExchangeTemporaryError, match="the answer is not what its API describes")
    with temporary, translate_errors(api, ASKED):
        raise error


def test_errors_from_elsewhere_pass_unchanged():
    with pytest.raises(MemoryError), translate_errors(ccxt.binance(), ASKED):
        raise MemoryError


def test_a_message_holds_no_secret_of_a_base_url_and_no_control_character():
    base_url = "https://user:password@proxy.example:8443/path-token"
    answer = f"binance GET {base_url}/api/v3/klines 503 \x1b[2J\x1b[1mall is complete\u202e \x07"
    refused = f"HTTPSConnectionPool(host='proxy.example'): /path-token/api/v3/klines {answer}"
    exchange = ccxt.binance()
    exchange.last_status = exchange.last_body = None
    for error in (ccxt.ExchangeNotAvailable(refused), ccxt.BadSymbol(refused), ValueError(refused)):
        with pytest.raises(CandleIngestError) as caught, translate_errors(exchange, ASKED, base_url):
            raise error
        text = str(caught.value)
        assert "proxy.example" in text
        assert "token" not in text
        assert "password" not in text
        assert text.isprintable()
