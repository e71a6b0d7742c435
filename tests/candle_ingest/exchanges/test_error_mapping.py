import json

import ccxt
import pytest

from candle_ingest.errors import CandleIngestError, ConfigurationError, PermanentError, TemporaryError
from candle_ingest.exchanges.error_mapping import ExchangeTemporaryError, translate_errors

RETRY_AFTER = {"Retry-After": "7"}
ASKED = "binance, BTC/USDT 1m candles"


def raised_for(exchange_id, status, body, headers=None):
    """The error that ccxt's own reading of an answer ends in."""
    exchange = getattr(ccxt, exchange_id)()
    exchange.last_response_headers = headers or {}
    url, text = "https://exchange.example/candles", body if isinstance(body, str) else json.dumps(body)
    try:
        parsed = exchange.parse_json(text)
        exchange.handle_errors(status, "", url, "GET", exchange.last_response_headers, text, parsed, {}, None)
        exchange.handle_http_status_code(status, "", url, "GET", text)
    except ccxt.BaseError as error:
        return sorted_error(error, exchange_id, headers)
    pytest.fail("ccxt takes this for a good answer")


def sorted_error(error, exchange_id="binance", headers=None):
    exchange = getattr(ccxt, exchange_id)()
    exchange.last_response_headers = headers
    with pytest.raises((TemporaryError, PermanentError)) as caught, translate_errors(exchange, ASKED):
        raise error
    return caught.value


@pytest.mark.parametrize(
    ("exchange", "status", "body"),
    [
        ("binance", 429, {"code": -1003, "msg": "Too many requests."}),
        ("binance", 418, {"code": -1003, "msg": "Way too many requests."}),
        ("binance", 500, ""),
        ("binance", 503, "<html>busy</html>"),
        ("coinbaseexchange", 429, {"message": "Public rate limit exceeded"}),
        ("coinbaseexchange", 502, ""),
        ("kraken", 200, {"error": ["EAPI:Rate limit exceeded"]}),
        ("kraken", 200, {"error": ["EGeneral:Too many requests"]}),
        ("kraken", 200, {"error": ["EService:Unavailable"]}),
        ("kucoin", 429, {"code": "429000", "msg": "Too Many Requests"}),
        ("htx", 200, {"status": "error", "err-code": "base-request-exceed-frequency-limit", "err-msg": "slow down"}),
        ("htx", 200, {"status": "error", "err-code": "too-many-requests", "err-msg": "too-many-requests"}),
        ("binanceus", 429, {"code": -1003, "msg": "Too much request weight used"}),
        ("coinbase", 429, ""),
        ("okx", 429, {"code": "50011", "msg": "Too Many Requests", "data": []}),
        ("okx", 200, {"code": "50013", "msg": "Systems are busy. Please try again later.", "data": []}),
        ("bybit", 403, "403, access too frequent"),
        ("bybit", 200, {"retCode": 10006, "retMsg": "Too many visits!"}),
        ("bitstamp", 429, {"status": "error", "reason": "exceeded rate limit", "response_code": "400.002"}),
        ("gate", 429, {"label": "TOO_MANY_REQUESTS", "message": "Request Rate Limit Exceeded"}),
    ],
)
def test_an_exchange_that_is_busy_or_down_may_answer_later(exchange, status, body):
    error = raised_for(exchange, status, body, RETRY_AFTER)
    assert isinstance(error, ExchangeTemporaryError)
    assert error.retry_after_seconds == 7
    assert str(error).startswith(ASKED)


@pytest.mark.parametrize(
    ("exchange", "status", "body"),
    [
        ("binance", 400, {"code": -1121, "msg": "Invalid symbol."}),
        ("binance", 400, {"code": -1120, "msg": "Invalid interval."}),
        ("coinbaseexchange", 404, {"message": "NotFound"}),
        ("coinbaseexchange", 400, {"message": "granularity too small for the requested time range"}),
        ("kraken", 200, {"error": ["EQuery:Unknown asset pair"]}),
        ("kucoin", 200, {"code": "400100", "msg": "Unsupported trading pair."}),
        ("htx", 200, {"status": "error", "err-code": "invalid-parameter", "err-msg": "invalid symbol"}),
        ("coinbase", 400, {"error": "INVALID_ARGUMENT", "message": "granularity argument is invalid"}),
        ("okx", 200, {"code": "51001", "msg": "Instrument ID doesn't exist.", "data": []}),
        ("bybit", 200, {"retCode": 10001, "retMsg": "Not supported symbols", "result": {}}),
        ("gate", 400, {"label": "INVALID_PARAM_VALUE", "message": "Candlestick too long ago."}),
    ],
)
def test_a_request_that_the_exchange_refuses_fails_at_once(exchange, status, body):
    error = raised_for(exchange, status, body, RETRY_AFTER)
    assert isinstance(error, PermanentError)
    assert "Trying again cannot help" in str(error)


@pytest.mark.parametrize(
    ("exchange", "status", "body", "way_out"),
    [
        ("binance", 451, {"code": 0, "msg": "Service unavailable from a restricted location"}, "use binanceus"),
        ("binance", 451, "", "use binanceus"),
        ("kucoin", 200, {"code": "400302", "msg": "Our services are currently unavailable in the U.S."}, "ccxt_kucoin"),
        ("bybit", 403, "CloudFront is configured to block access from your country.", "ccxt_bybit"),
    ],
)
def test_a_geo_block_fails_at_once_with_the_way_out(exchange, status, body, way_out):
    error = raised_for(exchange, status, body)
    assert isinstance(error, PermanentError)
    assert "refuses this country" in str(error)
    assert way_out in str(error)


@pytest.mark.parametrize("kind", [ccxt.AuthenticationError, ccxt.PermissionDenied])
def test_a_bad_key_is_for_whoever_set_the_connection(kind):
    error = sorted_error(kind("Invalid API-key"), "kraken")
    assert isinstance(error, ConfigurationError)
    assert "ccxt_kraken" in str(error)


@pytest.mark.parametrize(
    "kind",
    [ccxt.NetworkError, ccxt.RequestTimeout, ccxt.DDoSProtection, ccxt.RateLimitExceeded, ccxt.ExchangeNotAvailable,
     ccxt.OnMaintenance, ccxt.InvalidNonce, ccxt.BadResponse, ccxt.NullResponse],
)  # fmt: skip
def test_what_ccxt_calls_an_operation_that_failed_is_tried_again(kind):
    assert isinstance(sorted_error(kind("…")), ExchangeTemporaryError)


@pytest.mark.parametrize("kind", [ccxt.BadSymbol, ccxt.BadRequest, ccxt.ExchangeError, ccxt.NotSupported])
def test_what_ccxt_calls_a_refusal_is_not_tried_again(kind):
    assert isinstance(sorted_error(kind("…")), PermanentError)


@pytest.mark.parametrize("headers", [None, {}, {"Retry-After": "soon"}])
def test_without_a_usable_retry_after_there_is_none(headers):
    assert sorted_error(ccxt.NetworkError("…"), headers=headers).retry_after_seconds is None


def test_a_long_answer_is_shortened():
    assert len(str(sorted_error(ccxt.ExchangeNotAvailable("x" * 100_000)))) < 500


@pytest.mark.parametrize("error", [KeyError("data"), TypeError("a list"), ValueError("a text"), IndexError("a row")])
def test_what_a_parser_raises_on_json_of_another_shape_is_temporary(error):
    temporary = pytest.raises(ExchangeTemporaryError, match="the answer is not what its API describes")
    with temporary, translate_errors(ccxt.binance(), ASKED):
        raise error


def test_errors_of_others_pass_unchanged():
    with pytest.raises(MemoryError), translate_errors(ccxt.binance(), ASKED):
        raise MemoryError


def test_a_message_holds_no_secret_of_a_base_url_and_no_control_character():
    base_url = "https://user:password@proxy.example:8443/path-token"
    answer = f"binance GET {base_url}/api/v3/klines 503 \x1b[2J\x1b[1mall is complete\u202e \x07"
    refused = f"HTTPSConnectionPool(host='proxy.example'): /path-token/api/v3/klines {answer}"
    exchange = ccxt.binance()
    for error in (ccxt.ExchangeNotAvailable(refused), ccxt.BadSymbol(refused), ValueError(refused)):
        with pytest.raises(CandleIngestError) as caught, translate_errors(exchange, ASKED, base_url):
            raise error
        text = str(caught.value)
        assert "proxy.example" in text
        assert "token" not in text
        assert "password" not in text
        assert text.isprintable()
