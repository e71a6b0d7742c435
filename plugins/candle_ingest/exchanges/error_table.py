"""What the exchanges' own error codes mean: one row each, with its source.

A pattern is searched for in the body of the response, in lower case and without quotes and spaces, as a whole code:
`retcode:10016` finds `{"retCode": 10016, …}`. Rows of `*` hold for all exchanges. The first row that fits decides.
"""

import re
from dataclasses import dataclass
from enum import Enum
from functools import cache


class ErrorKind(Enum):
    """Who has to act on an error."""

    LIMITED = "too many requests: wait, then retry"
    UNAVAILABLE = "the exchange cannot answer now: retry"
    REGION = "the exchange refuses this country or address"
    KEY = "the exchange refuses the key of the connection"
    FINAL = "a retry cannot help"
    UNKNOWN = "unknown: retry"


@dataclass(frozen=True, slots=True)
class ErrorRow:
    """One error code of one exchange."""

    exchange: str
    pattern: str
    kind: ErrorKind
    source: str


# Exchanges that use the codes of another one.
SAME_CODES = {"binanceus": "binance"}
_LIMITED, _DOWN, _REGION, _FINAL = ErrorKind.LIMITED, ErrorKind.UNAVAILABLE, ErrorKind.REGION, ErrorKind.FINAL
_BINANCE = "binance-spot-api-docs errors.md, 2026-11"
_BYBIT = "bybit docs v5/error, 2026-11"
_BITSTAMP = "bitstamp rate limits, api-evangelist/bitstamp, 2026-11"
_GATE = "gateapi docs, labels, 2026-11"
_HTX = "htx API docs, error codes, 2026-11"
_OKX = "okx docs v5, error codes, 2026-11"
_KUCOIN = "kucoin docs, error codes, 2026-11"
_KRAKEN = "kraken support, API error messages, 2026-11"
_COINBASE = "recorded in ccxt #18060 and #20385"
_SEEN = "seen by users, in exchanges.md of 2026-11"

ERROR_TABLE: tuple[ErrorRow, ...] = (
    ErrorRow("*", "cloudfront.*blockaccessfromyourcountry", _REGION, _SEEN),
    ErrorRow("*", "restrictedlocation", _REGION, _BINANCE),
    ErrorRow("*", "unavailableintheu.s", _REGION, _SEEN),
    ErrorRow("*", "unavailableforyourregion", _REGION, _BYBIT),
    ErrorRow("bybit", "retcode:10009", _REGION, _BYBIT),
    ErrorRow("bybit", "retcode:10024", _REGION, _BYBIT),
    ErrorRow("kucoin", "code:400302", _REGION, _KUCOIN),
    ErrorRow("*", "toomanyrequests", _LIMITED, _SEEN),
    ErrorRow("*", "too-many-requests", _LIMITED, _SEEN),
    ErrorRow("binance", "code:-1003", _LIMITED, _BINANCE),
    ErrorRow("binance", "code:-1000", _DOWN, _BINANCE),
    ErrorRow("binance", "code:-1001", _DOWN, _BINANCE),
    ErrorRow("binance", "code:-1008", _DOWN, _BINANCE),
    ErrorRow("binance", "code:-1120", _FINAL, _BINANCE),
    ErrorRow("binance", "code:-1121", _FINAL, _BINANCE),
    ErrorRow("bybit", "retcode:10006", _LIMITED, _BYBIT),
    ErrorRow("bybit", "retcode:10429", _LIMITED, _BYBIT),
    ErrorRow("bybit", "accesstoofrequent", _LIMITED, _BYBIT),
    ErrorRow("bybit", "retcode:10000", _DOWN, _BYBIT),
    ErrorRow("bybit", "retcode:10016", _DOWN, _BYBIT),
    ErrorRow("bybit", "retcode:10001.*notsupportedsymbols", _FINAL, _BYBIT),
    ErrorRow("bitstamp", "(?:response_)?code:400.002", _LIMITED, _BITSTAMP),
    ErrorRow("bitstamp", "code:400.067", _LIMITED, _BITSTAMP),
    ErrorRow("bitstamp", "code:400.068", _LIMITED, _BITSTAMP),
    ErrorRow("bitstamp", "code:api9999", _DOWN, _SEEN),
    ErrorRow("gate", "label:too_many_requests", _LIMITED, _GATE),
    ErrorRow("gate", "label:server_error", _DOWN, _GATE),
    ErrorRow("gate", "label:internal", _DOWN, _GATE),
    ErrorRow("gate", "label:too_busy", _DOWN, _GATE),
    ErrorRow("gate", "label:invalid_currency_pair", _FINAL, _GATE),
    ErrorRow("gate", "candlesticktoolongago", _FINAL, "passivbot #563, 2026"),
    ErrorRow("htx", "err-code:base-request-exceed-[a-z-]+", _LIMITED, _HTX),
    ErrorRow("htx", "err-code:system-[a-z-]+", _DOWN, _HTX),
    ErrorRow("htx", "err-code:base-request-timeout", _DOWN, _HTX),
    ErrorRow("htx", "err-code:service-unavailable", _DOWN, _HTX),
    ErrorRow("htx", "err-msg:invalidsymbol", _FINAL, _HTX),
    ErrorRow("okx", "code:50011", _LIMITED, _OKX),
    ErrorRow("okx", "code:50061", _LIMITED, _OKX),
    ErrorRow("okx", "code:50001", _DOWN, _OKX),
    ErrorRow("okx", "code:50004", _DOWN, _OKX),
    ErrorRow("okx", "code:50013", _DOWN, _OKX),
    ErrorRow("okx", "code:50026", _DOWN, _OKX),
    ErrorRow("okx", "code:51001", _FINAL, _OKX),
    ErrorRow("kucoin", "code:200002", _LIMITED, _KUCOIN),
    ErrorRow("kucoin", "code:429000", _LIMITED, _KUCOIN),
    ErrorRow("kucoin", "code:500000", _DOWN, _KUCOIN),
    ErrorRow("kucoin", "code:230005", _DOWN, "kucoin-api-docs #450"),
    ErrorRow("kucoin", "unsupportedtradingpair", _FINAL, _KUCOIN),
    ErrorRow("kraken", "eapi:ratelimitexceeded", _LIMITED, _KRAKEN),
    ErrorRow("kraken", "egeneral:temporarylockout", _LIMITED, _KRAKEN),
    ErrorRow("kraken", "eservice:[a-z]+", _DOWN, _KRAKEN),
    ErrorRow("kraken", "edatabase:internalerror", _DOWN, _KRAKEN),
    ErrorRow("kraken", "egeneral:internalerror", _DOWN, _KRAKEN),
    ErrorRow("kraken", "equery:unknownassetpair", _FINAL, _KRAKEN),
    ErrorRow("kraken", "egeneral:invalidarguments", _FINAL, _KRAKEN),
    ErrorRow("coinbase", "error:internal", _DOWN, _COINBASE),
    ErrorRow("coinbase", "internal_server_error", _DOWN, _COINBASE),
    ErrorRow("coinbase", "circuitbreakeropen", _DOWN, _COINBASE),
    ErrorRow("coinbase", "granularityargumentisinvalid", _FINAL, _COINBASE),
    ErrorRow("coinbase", "error:not_found", _FINAL, _COINBASE),
    ErrorRow("coinbaseexchange", "message:notfound", _FINAL, "Coinbase Exchange docs, errors, 2026-11"),
    ErrorRow("coinbaseexchange", "granularitytoosmall", _FINAL, "Coinbase Exchange docs, candles, 2026-11"),
    ErrorRow("bitstamp", r"code:404(?:\.\d+)?", _FINAL, _SEEN),
)


def find_row(exchange: str, body: str) -> ErrorRow | None:
    """Return the first row of the table that matches the body of a response; None if none does."""
    owner = SAME_CODES.get(exchange, exchange)
    text = "".join(body.lower().replace('"', "").replace("'", "").split())
    rows = (row for row in ERROR_TABLE if row.exchange in ("*", owner))
    return next((row for row in rows if _whole(row.pattern).search(text)), None)


@cache
def _whole(pattern: str) -> re.Pattern[str]:
    """Match whole codes only: `code:400.002` is not found in `code:400.0021` or `recode:400.002`."""
    return re.compile(rf"(?<![\w-]){pattern}(?![\w.])" if ":" in pattern else pattern)
