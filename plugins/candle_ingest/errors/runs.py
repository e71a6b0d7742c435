"""Errors of a run as a whole."""

from collections.abc import Sequence

from candle_ingest.errors.base import PermanentError, TemporaryError


class ClockBehindError(TemporaryError):
    """By the clock here, the interval of the run is not over."""

    name = "clock-behind"
    cause = "The clock of this machine is behind that of the scheduler: the end of the interval would be missing."
    cure = "Synchronise this machine's clock (NTP). If no retries are left, clear the task after the interval ends."
    example = (
        "the interval ends at 2026-11-20T12:00Z, but this machine's clock says 2026-11-20T11:58Z: "
        "synchronise this machine's clock (NTP)"
    )


class TooFewExchangesError(PermanentError):
    """No symbol is listed on as many exchanges as it needs."""

    name = "too-few-exchanges"
    cause = "No symbol of the run is listed on `min_exchanges_required` of the configured exchanges."
    cure = "Check the symbols, `quote_equivalents`, `exchanges` and `min_exchanges_required`."
    example = (
        "No symbols meet the minimum exchange requirement of 2: ABC/USD (from Redis key 'top_cryptocurrencies') on "
        "binance, kraken"
    )


class MarketsUnreachableError(TemporaryError):
    """Too few exchanges returned their lists of markets to validate any symbol."""

    name = "markets-unreachable"
    cause = "An exchange did not return its list of markets, and without it no symbol has enough exchanges."
    cure = "The task is retried. If the error persists, see the log for the reason, and clear `validate_symbols` later."
    example = (
        "No symbols meet the minimum exchange requirement of 1: BTC/USD (from Redis key 'top_cryptocurrencies') on "
        "kucoin; kucoin cannot be reached: HTTP 503"
    )


class MarketsBusyError(TemporaryError):
    """Other tasks kept the lock of an exchange's list of markets for too long."""

    name = "markets-busy"
    cause = "One task at a time requests the list. The exchange does not answer them, or answers very slowly."
    cure = "The task is retried. If the error persists, see the logs of the exchange's other tasks for the reason."
    example = "kraken: its list of markets was locked by other tasks for 300 s"


class FetchesFailedError(PermanentError):
    """Several fetches of one task failed, and no retry can help any of them."""

    name = "fetches-failed"
    cause = "Several symbols of one exchange share a task, and some could not be fetched; each line says why."
    cure = "Act on each line, then clear the task."
    example = "kraken, BTC/USD 1m candles of [2026-11-20T12:00Z, 2026-11-20T13:00Z): BadSymbol: unknown pair"


class FetchesDelayedError(TemporaryError):
    """Several fetches of one task failed, and a retry may help some of them."""

    name = "fetches-delayed"
    cause = "Several symbols of one exchange share a task, and some could not be fetched; each line says why."
    cure = "The task is retried. If it fails in the end, act on each line, then clear the task."
    example = "kraken, BTC/USD 1m candles of [2026-11-20T12:00Z, 2026-11-20T13:00Z): ExchangeNotAvailable: 503"


class MergesDelayedError(TemporaryError):
    """Some merges failed, and a retry may help some of them. The other pairs are written."""

    name = "merges-delayed"
    cause = "InfluxDB or Redis did not answer while some pairs were merged; each line says why."
    cure = "The task is retried, and repair merges what is left. If the error persists, act on each line."
    example = "BTC/USD: Failed to connect to InfluxDB after 6 tries: InfluxDB, write: HTTP 503"


class IncompleteError(PermanentError):
    """Some candles could not be written, and the message names them. Clear the failed tasks to continue.

    `symbols` has a line for each incomplete symbol whose reason no notice has reported yet.
    """

    name = "candles-incomplete"
    cause = "Some minutes have too few usable answers. Each line names the symbol and the reason."
    cure = "See the logs of the failed fetches, fix the cause, and clear the failed tasks with those after them."
    example = "1 symbol is not complete: BTC/USD: 60 candles are not merged, from 2026-11-20T12:00Z on: kraken failed"

    def __init__(self, message: str, symbols: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.symbols = tuple(symbols)


class NotPlannedError(PermanentError):
    """An earlier step failed, and its log says why."""

    name = "nothing-planned"
    cause = "`validate_symbols` has not succeeded, so there is nothing to merge."
    cure = "See the log of `validate_symbols`, fix the cause, and clear it with the tasks after it."
    example = "validate_symbols has not succeeded, so there is nothing to merge: see its log"
