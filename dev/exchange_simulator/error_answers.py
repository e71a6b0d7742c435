"""The error responses of the exchanges, by a short name: status, body, and meaning.

Bodies follow the documented shape unless the source says that one was recorded. The meanings are written independently
of the package, so that tests can compare it with them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any


class Meaning(Enum):
    """What an error means for a client."""

    BUSY = "the exchange cannot answer now"
    LIMITED = "too many requests"
    REGION = "this country or address is refused"
    KEY = "the key is refused"
    FINAL = "a retry cannot help"


@dataclass(frozen=True, slots=True)
class ErrorAnswer:
    """One response; `body` is sent as JSON, or unchanged if it is text."""

    meaning: Meaning
    status: int
    body: Any
    source: str


_BUSY, _LIMITED, _REGION, _KEY, _FINAL = Meaning
_BINANCE_DOCS = "binance-spot-api-docs, errors.md, 2026-11"
_BYBIT_DOCS = "bybit API docs v5, error codes, 2026-11"
_BITSTAMP_LIMITS = "api-evangelist/bitstamp, rate limits, 2026-11"
_GATE_DOCS = "gate API v4 docs, error labels, 2026-11"
_HTX_DOCS = "HTX API docs, error codes, 2026-11"
_OKX_DOCS = "OKX API docs v5, error codes, 2026-11"
_KUCOIN_DOCS = "KuCoin API docs, error codes, 2026-11"
_KRAKEN_DOCS = "Kraken support, API error messages, 2026-11"
_COINBASE_SEEN = "recorded in ccxt #18060 and #20385"
_SHAPE = "the exchange's documented error shape with a 5xx status"


def _binance(code: int, message: str, status: int, meaning: Meaning, source: str = _BINANCE_DOCS) -> ErrorAnswer:
    return ErrorAnswer(meaning, status, {"code": code, "msg": message}, source)


def _bybit(code: int, message: str, meaning: Meaning) -> ErrorAnswer:
    body = {"retCode": code, "retMsg": message, "result": {}, "retExtInfo": {}, "time": 1_732_500_000_000}
    return ErrorAnswer(meaning, 200, body, _BYBIT_DOCS)


def _bitstamp(code: str, reason: str, status: int, meaning: Meaning, source: str = _BITSTAMP_LIMITS) -> ErrorAnswer:
    return ErrorAnswer(meaning, status, {"status": "error", "reason": reason, "code": code}, source)


def _gate(label: str, message: str, status: int, meaning: Meaning) -> ErrorAnswer:
    return ErrorAnswer(meaning, status, {"label": label, "message": message}, _GATE_DOCS)


def _htx(code: str, message: str, meaning: Meaning) -> ErrorAnswer:
    body = {"status": "error", "err-code": code, "err-msg": message, "data": None}
    return ErrorAnswer(meaning, 200, body, _HTX_DOCS)


def _okx(code: str, message: str, status: int, meaning: Meaning) -> ErrorAnswer:
    return ErrorAnswer(meaning, status, {"code": code, "msg": message, "data": []}, _OKX_DOCS)


def _kucoin(code: str, message: str, status: int, meaning: Meaning) -> ErrorAnswer:
    return ErrorAnswer(meaning, status, {"code": code, "msg": message}, _KUCOIN_DOCS)


def _kraken(error: str, meaning: Meaning) -> ErrorAnswer:
    return ErrorAnswer(meaning, 200, {"error": [error]}, _KRAKEN_DOCS)


def _coinbase(error: str, message: str, status: int, meaning: Meaning, source: str = _COINBASE_SEEN) -> ErrorAnswer:
    return ErrorAnswer(meaning, status, {"error": error, "error_details": message, "message": message}, source)


def _exchange(message: str, status: int, meaning: Meaning) -> ErrorAnswer:
    return ErrorAnswer(meaning, status, {"message": message}, "Coinbase Exchange API docs, errors, 2026-11")


_OVERLOADED = "Server is currently overloaded with other requests. Please try again in a few minutes."
_RESTRICTED = (
    "Service unavailable from a restricted location according to 'b. Eligibility' in "
    "https://www.binance.com/en/terms. Please contact customer service if you believe you received this message in "
    "error."
)
_CIRCUIT_BREAKER = "circuit breaker open.  See go/circuit-breaker-troubleshooting"
_CLOUDFRONT = (
    "<!DOCTYPE HTML><HTML><HEAD><TITLE>ERROR: The request could not be satisfied</TITLE></HEAD><BODY><H1>403 ERROR</H1>"
    "<H2>The request could not be satisfied.</H2>The Amazon CloudFront distribution is configured to block access from "
    "your country.</BODY></HTML>"
)
_BYBIT_REGION = "Service Restricted: Access is currently unavailable for your region."
_KUCOIN_REGION = "Our services are currently unavailable in the U.S."
_BINANCE = {
    "-1000": _binance(-1000, "An unknown error occurred while processing the request.", 500, _BUSY),
    "-1001": _binance(-1001, "Internal error; unable to process your request. Please try again.", 500, _BUSY),
    "-1003": _binance(-1003, "Too many requests; please use the websocket for live updates.", 429, _LIMITED),
    "-1008": _binance(-1008, _OVERLOADED, 503, _BUSY),
    "-1121": _binance(-1121, "Invalid symbol.", 400, _FINAL),
    "-2014": _binance(-2014, "API-key format invalid.", 401, _KEY),
    "451": _binance(0, _RESTRICTED, 451, _REGION, "recorded by users, 2026-11"),
}
# Codes of Cloudflare, some of them unknown to ccxt, and their names on its pages.
CLOUDFLARE = {
    520: "Web server is returning an unknown error",
    521: "Web server is down",
    522: "Connection timed out",
    523: "Origin is unreachable",
    524: "A timeout occurred",
    525: "SSL handshake failed",
    526: "Invalid SSL certificate",
    527: "Railgun error",
    528: "Origin error",
    529: "Site is overloaded",
    530: "Origin DNS error",
}


def _cloudflare_page(status: int, text: str) -> ErrorAnswer:
    page = f"<!DOCTYPE html><html><head><title>{status}: {text}</title></head><body>Error {status}</body></html>"
    return ErrorAnswer(_BUSY, status, page, "Cloudflare docs, 5xx errors, 2026-11")


ERRORS: Mapping[str, Mapping[str, ErrorAnswer]] = {
    # Most exchanges are behind Cloudflare.
    "*": {f"cloudflare-{status}": _cloudflare_page(status, text) for status, text in CLOUDFLARE.items()},
    "binance": _BINANCE,
    "binanceus": _BINANCE,
    "coinbase": {
        "INTERNAL": _coinbase("INTERNAL", "internal error", 500, _BUSY),
        "circuit-breaker": _coinbase("unknown", _CIRCUIT_BREAKER, 503, _BUSY),
        "429": _coinbase("rate_limit_exceeded", "Rate limit exceeded", 429, _LIMITED),
        "401": _coinbase("unauthorized", "Unauthorized", 401, _KEY, "Coinbase Advanced Trade API docs, 2026-11"),
        "NOT_FOUND": _coinbase("NOT_FOUND", "valid product_id is required", 404, _FINAL),
    },
    "coinbaseexchange": {
        "429": _exchange("Public rate limit exceeded", 429, _LIMITED),
        "500": _exchange("Internal server error", 500, _BUSY),
        "404": _exchange("NotFound", 404, _FINAL),
    },
    "kraken": {
        "EService:Unavailable": _kraken("EService:Unavailable", _BUSY),
        "EService:Busy": _kraken("EService:Busy", _BUSY),
        "EService:Timeout": _kraken("EService:Timeout", _BUSY),
        "EGeneral:Internal error": _kraken("EGeneral:Internal error", _BUSY),
        "EGeneral:Temporary lockout": _kraken("EGeneral:Temporary lockout", _LIMITED),
        "EGeneral:Too many requests": _kraken("EGeneral:Too many requests", _LIMITED),
        "EAPI:Rate limit exceeded": _kraken("EAPI:Rate limit exceeded", _LIMITED),
        "EAPI:Invalid key": _kraken("EAPI:Invalid key", _KEY),
        "EQuery:Unknown asset pair": _kraken("EQuery:Unknown asset pair", _FINAL),
    },
    "kucoin": {
        "200002": _kucoin("200002", "Too many requests", 429, _LIMITED),
        "429000": _kucoin("429000", "Too many requests in a short period of time, please retry later", 429, _LIMITED),
        "500000": _kucoin("500000", "Internal Server Error", 500, _BUSY),
        "400302": _kucoin("400302", _KUCOIN_REGION, 200, _REGION),
        "400003": _kucoin("400003", "KC-API-KEY not exists", 401, _KEY),
        "400100": _kucoin("400100", "Unsupported trading pair.", 200, _FINAL),
    },
    "htx": {
        "system-busy": _htx("system-busy", "system is busy, please try again later", _BUSY),
        "system-maintenance": _htx("system-maintenance", "system maintenance", _BUSY),
        "base-request-exceed-frequency-limit": _htx(
            "base-request-exceed-frequency-limit",
            "Frequency of requests has exceeded the limit, please try again later",
            _LIMITED,
        ),
        "base-request-exceed-number-limit": _htx(
            "base-request-exceed-number-limit", "Number of requests has exceeded the limit", _LIMITED
        ),
        "api-signature-not-valid": _htx("api-signature-not-valid", "Signature not valid: Incorrect Access key", _KEY),
        "invalid-symbol": _htx("invalid-parameter", "invalid symbol", _FINAL),
    },
    "okx": {
        "50001": _okx("50001", "Service temporarily unavailable. Please try again later", 503, _BUSY),
        "50004": _okx("50004", "API endpoint request timeout (does not mean that the request failed)", 400, _BUSY),
        "50011": _okx("50011", "Too Many Requests", 429, _LIMITED),
        "50013": _okx("50013", "Systems are busy. Please try again later.", 429, _BUSY),
        "50026": _okx("50026", "System error. Try again later", 500, _BUSY),
        "50111": _okx("50111", "Invalid OK-ACCESS-KEY", 401, _KEY),
        "51001": _okx("51001", "Instrument ID, Instrument ID code, or Spread ID doesn't exist.", 200, _FINAL),
    },
    "bybit": {
        "10000": _bybit(10000, "Server Timeout", _BUSY),
        "10016": _bybit(10016, "Server error.", _BUSY),
        "10006": _bybit(10006, "Too many visits. Exceeded the API Rate Limit.", _LIMITED),
        "10429": _bybit(10429, "System level frequency protection", _LIMITED),
        "10009": _bybit(10009, _BYBIT_REGION, _REGION),
        "cloudfront": ErrorAnswer(_REGION, 403, _CLOUDFRONT, "quoted by many users of bybit's API, 2025"),
        "10003": _bybit(10003, "API key is invalid.", _KEY),
        "10001": _bybit(10001, "Not supported symbols", _FINAL),
    },
    "bitstamp": {
        "400.002": _bitstamp("400.002", "Request rejected due to exceeded rate limit.", 400, _LIMITED),
        "400.067": _bitstamp("400.067", "Request rate limit exceeded.", 400, _LIMITED),
        "400.068": _bitstamp("400.068", "Request rate limit exceeded for this market.", 400, _LIMITED),
        "API9999": _bitstamp("API9999", "Internal error.", 500, _BUSY, "bitstamp API docs, errors, 2026-11"),
        "503": _bitstamp("503", "Service unavailable", 503, _BUSY, _SHAPE),
        "API0001": _bitstamp("API0001", "API key not found", 403, _KEY, "bitstamp API docs, errors, 2026-11"),
        "404.002": _bitstamp("404.002", "Invalid market symbol.", 404, _FINAL, _SHAPE),
    },
    "gate": {
        "SERVER_ERROR": _gate("SERVER_ERROR", "Internal server error", 500, _BUSY),
        "TOO_BUSY": _gate("TOO_BUSY", "Server is too busy, please try again later", 503, _BUSY),
        "TOO_MANY_REQUESTS": _gate("TOO_MANY_REQUESTS", "Request Rate Limit Exceeded", 429, _LIMITED),
        "INVALID_KEY": _gate("INVALID_KEY", "Invalid key provided", 401, _KEY),
        "INVALID_CURRENCY_PAIR": _gate("INVALID_CURRENCY_PAIR", "Invalid currency pair NO_PE", 400, _FINAL),
    },
}


def find_error(exchange: str, name: str) -> ErrorAnswer | None:
    """Return the response with that name, of the exchange or of all; None if there is none."""
    return ERRORS.get(exchange, {}).get(name) or ERRORS["*"].get(name)


def error_names(exchange: str) -> tuple[str, ...]:
    """Return the names of the errors that the exchange can respond with."""
    return (*ERRORS.get(exchange, {}), *ERRORS["*"])
