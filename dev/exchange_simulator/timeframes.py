"""When the candles of a timeframe open: on the grid from 1970, on Mondays, or on Singapore days (htx)."""

from datetime import UTC, datetime
from functools import lru_cache

import numpy as np

from dev.exchange_simulator.hashing import Ints

_UNIT_MS = {"m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}
HOUR_MS = 3_600_000
# htx counts days from midnight in Singapore, which is 16:00 UTC (HTX API docs, candles).
_HTX_SHIFT_MS = 8 * HOUR_MS
# 1970-01-01 was a Thursday: weeks counted from that day open on Thursdays.
_MONDAY_SHIFT_MS = 3 * 24 * HOUR_MS
_MONDAY_EXCHANGES = frozenset({"binance", "htx", "binanceus", "okx", "bybit"})


@lru_cache(maxsize=64)
def duration_ms(timeframe: str) -> int:
    """Return the length of a candle in ms; the greatest length for months and years."""
    number, unit = int(timeframe[:-1]), timeframe[-1]
    if unit == "M":
        return number * 31 * _UNIT_MS["d"]
    if unit == "y":
        return number * 366 * _UNIT_MS["d"]
    return number * _UNIT_MS[unit]


def _shift_ms(exchange: str, timeframe: str) -> int:
    """Return how far before the grid from 1970 the candles open."""
    shift = 0
    if exchange == "htx" and timeframe[-1] in "dwMy":
        shift += _HTX_SHIFT_MS
    if timeframe[-1] == "w" and exchange in _MONDAY_EXCHANGES:
        shift += _MONDAY_SHIFT_MS
    return shift


def _calendar(times_ms: Ints, timeframe: str) -> Ints:
    """Return the open times of months (`1M`, `3M` from January on) or years."""
    unit, number = f"datetime64[{timeframe[-1].upper()}]", int(timeframe[:-1])
    since_1970 = times_ms.astype("datetime64[ms]").astype(unit).astype(np.int64) // number * number
    opens: Ints = since_1970.astype(unit).astype("datetime64[ms]").astype(np.int64)
    return opens


def bucket_opens(exchange: str, timeframe: str, times_ms: Ints) -> Ints:
    """Return, for each time, the open time of the candle that contains it."""
    shift = _shift_ms(exchange, timeframe)
    moved = times_ms + shift
    if timeframe[-1] in "My":
        return _calendar(moved, timeframe) - shift
    length = duration_ms(timeframe)
    return moved // length * length - shift


def floor_open(exchange: str, timeframe: str, time_ms: int) -> int:
    """Return the open time of the candle that contains this time."""
    return int(bucket_opens(exchange, timeframe, np.array([time_ms], dtype=np.int64))[0])


def ceil_open(exchange: str, timeframe: str, time_ms: int) -> int:
    """Return the first open time at or after this time."""
    opened = floor_open(exchange, timeframe, time_ms)
    if opened == time_ms:
        return opened
    return floor_open(exchange, timeframe, opened + duration_ms(timeframe))


def iso_utc(time_ms: int) -> str:
    """Return a time such as 2024-01-31T12:00:00.000Z."""
    return datetime.fromtimestamp(time_ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
