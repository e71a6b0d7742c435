"""Errors of the records of days."""

from collections.abc import Iterable

from candle_ingest.errors.base import Notice, PermanentError, TemporaryError

CANDLES_LOST = Notice(
    "candles-lost",
    cause="Points of `exchange_candles` were deleted, or an older backup was restored; their records still list them.",
    cure="None needed: repair requests them again. A backfill of these days with `refetch` does so at once.",
    example=(
        "BTC/USD @ kraken: exchange_candles has lost 60 candles of [2026-11-20T12:00Z, 2026-11-20T13:00Z); the next "
        "repair requests what is missing, and the merged candles stay as they are until then"
    ),
)


class LockLostError(TemporaryError):
    """A lock in Redis expired several times before the work under it was done."""

    name = "lock-lost"
    cause = "Reading and writing records took longer than the lifetime of their lock, several times in a row."
    cure = "The task is retried. If the error persists, InfluxDB or Redis is too slow: check their load."
    example = "kraken: the lock of its records was lost 5 times"


class CandlesVanishError(TemporaryError):
    """Stored candles disappeared again and again while a day was merged."""

    name = "candles-vanish"
    cause = "Another program deletes points of `exchange_candles` while they are merged."
    cure = "The task is retried. If the error persists, stop that program, or revoke its write access to this bucket."
    example = "BTC/USD: candles vanished in each of 5 merges of the day"


class UnreadableRecordError(PermanentError):
    """Records of days in InfluxDB are not what this program wrote. Only their `pairs` are held back."""

    name = "record-unreadable"
    cause = "A point of `day_records` or `merge_days` was changed or written in part by another program."
    cure = "Delete that point, and run a backfill of its day, which requests and merges the day again."
    example = (
        "BTC/USD @ kraken, 2026-11-20T00:00:00Z: the point of day_records is not the record of a day: "
        "KeyError('marks'); delete it, and run a backfill of that day"
    )

    def __init__(self, message: str, pairs: Iterable[str] = ()) -> None:
        super().__init__(message)
        self.pairs = frozenset(pairs)


class MarketUnknownError(TemporaryError):
    """A planned market is no longer in the exchange's list."""

    name = "market-unknown"
    cause = "The exchange has changed its list of markets between the plan and the fetch."
    cure = "The task is retried. If the error persists, clear `validate_symbols` of the run: it plans again."
    example = "BTC/USD @ kraken: BTC/USD is not in its list of markets"


class DryFetchError(TemporaryError):
    """A dry run could not fetch all candles of a market."""

    name = "dry-fetch-failed"
    cause = "The exchange did not answer for a part of the window, or some rows cannot be trusted."
    cure = "Read the reason in the message. A real run stores all other candles and retries these by itself."
    example = "BTC/USD @ kraken, [2026-11-20T12:00Z, 2026-11-20T13:00Z): 1 × price not positive"
