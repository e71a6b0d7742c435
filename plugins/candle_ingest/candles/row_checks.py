"""The check that every row from outside must pass."""

import itertools
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeGuard

import numpy as np
from numpy.typing import NDArray

from candle_ingest.candles.candles import Candles
from candle_ingest.candles.timeframe import Timeframe
from candle_ingest.candles.window import Window

Row = Sequence[object]
# From here on floats leave whole numbers out.
EXACT_FLOATS_END = 2**53


@dataclass(frozen=True, slots=True)
class CheckedPage:
    """What one answer of an exchange is worth.

    `rejected` counts the rows that cannot be trusted, by reason; `rejected_slots` holds the open times
    that they stand for. `unplaced_count` counts rows without a usable time: with one of those, nobody knows
    which candles are missing. `outside_count` counts rows outside the window.
    """

    candles: Candles
    rejected: Counter[str] = field(default_factory=Counter)
    rejected_slots: frozenset[int] = frozenset()
    unplaced_count: int = 0
    outside_count: int = 0

    @property
    def rejected_in_words(self) -> str:
        """The reasons in words: `2 × high below low`."""
        return ", ".join(f"{count} × {reason}" for reason, count in sorted(self.rejected.items()))


@dataclass(frozen=True, slots=True)
class Page:
    """The checked answer for one window.

    `failed_reason`: not empty where the exchange gave no usable answer; `checked` is empty then.
    `unobtainable`: the exchange no longer serves the window, and asking again cannot help.
    """

    window: Window
    checked: CheckedPage
    failed_reason: str = ""
    unobtainable: bool = False

    @classmethod
    def failed(cls, window: Window, reason: str, *, unobtainable: bool = False) -> "Page":
        """Return the page of a window for which there is no usable answer."""
        return cls(window, CheckedPage(Candles.from_rows([])), reason, unobtainable)


def check_rows(rows: Sequence[Row], window: Window, timeframe: Timeframe) -> CheckedPage:
    """Keep the rows of the window that can be trusted, and count the others by reason.

    A time that stands twice with different values is rejected: nobody knows which one is right.
    """
    table = _as_table(rows)
    page = None if table is None else _check_at_once(table, window, timeframe)
    return check_one_by_one(rows, window, timeframe) if page is None else page


def _as_table(rows: Sequence[Row]) -> NDArray[np.float64] | None:
    """Shape (n, 6) where each row holds six plain numbers; else None."""
    if not set(map(type, rows)) <= {list, tuple} or set(map(len, rows)) != {6}:
        return None
    if not set(map(type, itertools.chain.from_iterable(rows))) <= {int, float}:
        return None
    try:
        return np.array(rows, dtype=np.float64)
    except OverflowError:
        return None


def _check_at_once(table: NDArray[np.float64], window: Window, timeframe: Timeframe) -> CheckedPage | None:
    """Return what `check_one_by_one` finds, seven times as fast, for an answer without fault; else None.

    Each comparison is false where a number is not one.
    """
    times = table[:, 0]
    with np.errstate(invalid="ignore"):  # infinity has no remainder
        on_grid = (times > 0) & (times < EXACT_FLOATS_END) & (times % timeframe.ms == 0)
    if not on_grid.all() or not (times[1:] > times[:-1]).all():
        return None
    first, last = np.searchsorted(times, [window.start_ms, window.end_ms])
    inside = table[first:last]
    _, open_, high, low, close, volume = inside.T
    ordered = (low > 0) & (low <= open_) & (low <= close) & (open_ <= high) & (close <= high)
    # The largest float may stand for a whole number that is larger still.
    finite = (high < sys.float_info.max) & (volume < sys.float_info.max)
    if not (ordered & finite & (volume >= 0)).all():
        return None
    candles = Candles(inside[:, 0].astype(np.int64), inside[:, 1:].copy())
    return CheckedPage(candles, outside_count=len(table) - len(inside))


def check_one_by_one(rows: Sequence[Row], window: Window, timeframe: Timeframe) -> CheckedPage:
    """As `check_rows`, row by row, for rows of any kind."""
    kept: dict[int, tuple[float, ...]] = {}
    rejected: Counter[str] = Counter()
    rejected_slots: set[int] = set()
    unplaced_count = outside_count = 0
    for row in rows:
        open_time_ms = _grid_time(row, timeframe)
        if open_time_ms is None:
            unplaced_count += 1
        elif not window.start_ms <= open_time_ms < window.end_ms:
            outside_count += 1
        elif fault := _fault(row) or _contradiction(kept, open_time_ms, row):
            rejected[fault] += 1
            rejected_slots.add(open_time_ms)
        else:
            kept[open_time_ms] = tuple(map(float, row[1:6]))  # type: ignore[arg-type]
    sound = [(time, *kept[time]) for time in sorted(kept) if time not in rejected_slots]
    candles = Candles.from_rows(sound)
    return CheckedPage(candles, rejected, frozenset(rejected_slots), unplaced_count, outside_count)


def _grid_time(row: Row, timeframe: Timeframe) -> int | None:
    time = row[0] if isinstance(row, list | tuple) and len(row) >= 6 else None
    if not _is_finite(time):
        return None
    return int(time) if time > 0 and time % timeframe.ms == 0 else None


def _is_finite(value: object) -> TypeGuard[int | float]:
    """Whether it is a number that fits into a float: JSON also has whole numbers of any length."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return abs(value) <= sys.float_info.max


def _fault(row: Row) -> str | None:
    values = row[1:6]
    if not all(map(_is_finite, values)):
        return "value not a finite number"
    open_, high, low, close, volume = map(float, values)  # type: ignore[arg-type]
    if min(open_, high, low, close) <= 0:
        return "price not positive"
    if volume < 0:
        return "volume negative"
    if not low <= min(open_, close) <= max(open_, close) <= high:
        return "prices not ordered low <= open, close <= high"
    return None


def _contradiction(kept: dict[int, tuple[float, ...]], open_time_ms: int, row: Row) -> str | None:
    known = kept.get(open_time_ms)
    if known is not None and known != tuple(map(float, row[1:6])):  # type: ignore[arg-type]
        return "time stands twice with different values"
    return None
