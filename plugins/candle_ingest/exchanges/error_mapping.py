"""Sort ccxt's exceptions by who has to act on them.

ccxt is imported when an exchange is asked: that takes two seconds, and the help of the commands needs none of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from candle_ingest.errors import PermanentError, TemporaryError
from candle_ingest.exchanges.bounded_http import AnswerRefusedError
from candle_ingest.exchanges.error_table import ErrorKind, find_row
from candle_ingest.exchanges.profiles import api_of
from candle_ingest.exchanges.unusable_answer import describe_unusable
from candle_ingest.servers.redaction import without_base_url, without_controls
from candle_ingest.servers.retry_after import MAX_WAIT_SECONDS, retry_after_seconds

if TYPE_CHECKING:
    import ccxt

LIMITED_STATUSES = (418, 429)
GEO_BLOCK_STATUS = 451
FIRST_SERVER_ERROR = 500
# binance: "Way too much request weight used; IP banned until 1573770513123."
BANNED_UNTIL = re.compile(r"banned until (\d{13})")
# What ccxt's parsers raise for unexpected JSON.
UNUSABLE_ANSWER = (TypeError, KeyError, IndexError, ValueError, AttributeError, ArithmeticError, RecursionError)
ALTERNATIVES = {"binance": "use binanceus, or a proxy in the connection ccxt_binance"}


class ExchangeTemporaryError(TemporaryError):
    """The exchange may answer later; `retry_after_seconds` is what it asked for, if it did."""

    name = "exchange-answer-unusable"
    cause = (
        "The answer is not what the exchange's API describes: an error page, cut-off JSON, rows of other times, an old "
        "answer from a cache. If the message mentions the exchange's clock, this machine's clock is ahead."
    )
    cure = (
        "The request is retried. If the error persists, check the proxy in `ccxt_<exchange>` and this machine's clock "
        "(NTP). If both are right, the exchange has changed its API: update ccxt."
    )
    example = "kraken, markets: the answer is not what its API describes: it is not JSON, and begins with <html>"

    def __init__(self, message: str, retry_after_seconds: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


class UnconfirmedAnswerError(ExchangeTemporaryError):
    """The answer may be right: request it once more, at once, and believe the second one."""


class ExchangeLimitedError(ExchangeTemporaryError):
    """The exchange has received too many requests from this address."""

    name = "exchange-rate-limited"
    cause = "The exchange has received more requests from this address than it allows."
    cure = (
        "Requests wait as long as the exchange asks. If the error persists, other programs at this address use up the "
        "limit: lower the slots of the pool, or set `api_call_delay_seconds`."
    )
    example = "binance, markets: DDoSProtection: 429 Too Many Requests"


class ExchangeUnavailableError(ExchangeTemporaryError):
    """The exchange does not answer, or says that it cannot."""

    name = "exchange-unreachable"
    cause = "The exchange is down, too slow, or cannot be reached from this machine."
    cure = (
        "Airflow retries, and repair fetches what stays open. If the error persists, check the network and "
        "`ccxt_<exchange>`."
    )
    example = "kraken, BTC/USD 1m candles of [2026-11-20T12:00Z, 2026-11-20T13:00Z): ExchangeNotAvailable: 503"


class ExchangeBlockedError(PermanentError):
    """The exchange blocks this country or address."""

    name = "exchange-blocked"
    cause = "The exchange refuses requests from this country or address."
    cure = "Use `binanceus` instead of `binance`, a proxy in `ccxt_<exchange>`, or leave the exchange out."
    example = "binance, markets: ExchangeNotAvailable: 451. The exchange refuses this country or address: use binanceus"


class ExchangeKeyError(PermanentError):
    """The exchange refuses the API key; the other exchanges are still fetched."""

    name = "exchange-key-refused"
    cause = "Key or secret in the connection of the exchange is wrong or expired."
    cure = "Correct login and password of `ccxt_<exchange>`, or remove them: candles need no key."
    example = (
        "kraken, markets: AuthenticationError: EAPI:Invalid key. Check key and secret in the connection ccxt_kraken"
    )


class ExchangeRefusedError(PermanentError):
    """The exchange refuses the request, and would refuse it again."""

    name = "exchange-refused"
    cause = "The market was delisted or renamed, or the exchange does not accept the request."
    cure = "Check the market on the exchange; remove the symbol or the exchange, or update ccxt."
    example = (
        "kraken, ABC/USD 1m candles of [2026-11-20T12:00Z, 2026-11-20T13:00Z): BadSymbol: unknown pair. A retry cannot "
        "help: check that the exchange still lists this market"
    )


@contextmanager
def translate_errors(api: Any, request: str, base_url: str | None = None) -> Iterator[None]:
    """Turn ccxt's exceptions into TemporaryError or PermanentError naming what was requested.

    Their texts are stored and printed, so they contain no control characters, and of the connection's `base_url` only
    scheme, host and port.

    `api` has status, body and headers of the last response. Put nothing inside the block but ccxt calls and the reading
    of their responses: our own errors would be blamed on the exchange.
    """
    import ccxt

    try:
        yield
    except ccxt.BaseError as error:
        raise _translated(api, request, error, base_url) from error
    except UNUSABLE_ANSWER as error:
        raise unusable_answer(api, request, base_url, error) from error


def unusable_answer(
    api: Any, request: str, base_url: str | None, error: Exception | None = None
) -> ExchangeTemporaryError:
    """Return the error for a response that is not what the exchange's API describes."""
    return ExchangeTemporaryError(_public_text(describe_unusable(api, request, error), base_url))


def error_kind(exchange: str, status: int | None, body: str, error: ccxt.BaseError) -> ErrorKind:
    """Return who has to act on an error.

    Every 5xx is temporary whatever its body, including Cloudflare's 520 to 530. Otherwise the exchange's own code
    decides, then the status, then ccxt's class. Anything unknown is temporary: the same request may work for another
    market or time.
    """
    import ccxt

    row = find_row(api_of(exchange), body)
    if status is not None and status >= FIRST_SERVER_ERROR:
        return ErrorKind.LIMITED if row and row.kind is ErrorKind.LIMITED else ErrorKind.UNAVAILABLE
    if row is not None:
        return row.kind
    if status == GEO_BLOCK_STATUS:
        return ErrorKind.REGION
    if status in LIMITED_STATUSES or isinstance(error, ccxt.DDoSProtection | ccxt.RateLimitExceeded):
        return ErrorKind.LIMITED
    if isinstance(error, ccxt.AuthenticationError):
        return ErrorKind.KEY
    if isinstance(error, ccxt.OperationFailed):
        return ErrorKind.UNAVAILABLE
    # An unknown symbol, and what ccxt cannot do at all.
    final = (ccxt.BadSymbol, ccxt.NotSupported, ccxt.ArgumentsRequired, ccxt.InvalidProxySettings)
    return ErrorKind.FINAL if isinstance(error, final) else ErrorKind.UNKNOWN


def _public_text(text: str, base_url: str | None) -> str:
    """Return the text on one line: a line break sent by an exchange would start a new line in a log."""
    return " ".join(without_controls(without_base_url(text, base_url)).split())


def _translated(api: Any, request: str, error: ccxt.BaseError, base_url: str | None) -> Exception:
    text = f"{request}: {_in_words(api, error, base_url)}"
    kind = error_kind(api.id, api.last_status, api.last_body or str(error), error)
    match kind:
        case ErrorKind.REGION:
            way_out = ALTERNATIVES.get(api.id, f"use a proxy in the connection ccxt_{api.id}, or leave it out")
            return ExchangeBlockedError(f"{text}. The exchange refuses this country or address: {way_out}")
        case ErrorKind.KEY:
            return ExchangeKeyError(f"{text}. Check key and secret in the connection ccxt_{api.id}")
        case ErrorKind.LIMITED:
            return ExchangeLimitedError(text, _requested_wait_seconds(api, str(error).lower()))
        case ErrorKind.UNAVAILABLE:
            return ExchangeUnavailableError(text, _requested_wait_seconds(api, str(error).lower()))
        case ErrorKind.FINAL:
            return ExchangeRefusedError(f"{text}. A retry cannot help: check that the exchange still lists this market")
    return ExchangeTemporaryError(text, _requested_wait_seconds(api, str(error).lower()))


def _in_words(api: Any, error: ccxt.BaseError, base_url: str | None) -> str:
    said = _shortened(_public_text(str(error), base_url))
    text = f"{type(error).__name__}: {said}{_unsaid_status(api, error)}"
    if isinstance(error.__cause__, AnswerRefusedError):
        text += f": {_public_text(str(error.__cause__), base_url)}"
    return text


def _unsaid_status(api: Any, error: ccxt.BaseError) -> str:
    """Return the status in words if ccxt's text lacks it: for an unknown status it gives the URL only."""
    status = api.last_status
    return "" if status is None or status < 400 or str(status) in str(error) else f" (HTTP {status})"


def _requested_wait_seconds(api: Any, text: str) -> float | None:
    """Return the wait from the header `Retry-After`, or else from the text of a ban."""
    now = datetime.now(UTC)
    header_seconds = retry_after_seconds(api.last_response_headers, now)
    banned = BANNED_UNTIL.search(text)
    if header_seconds is None and banned:
        return min(max(0.0, int(banned[1]) / 1000 - now.timestamp()), MAX_WAIT_SECONDS)
    return header_seconds


def _shortened(text: str, longest: int = 300) -> str:
    return text if len(text) <= longest else text[:longest] + "…"
