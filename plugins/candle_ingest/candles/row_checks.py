"""Check each row from an exchange."""

import itertools
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeGuard

import numpy as np
from numpy.typing import NDArray

from candle_ingest.candles.candles import FIELDS, Candles, no_extras
from candle_ingest.candles.extra_checks import without_unsound_extras
from candle_ingest.candles.timeframe import Timeframe
from candle_ingest.candles.window import Window

Row = Sequence[object]
# From bitcoin's first block to the year 2100: a time outside is in another unit, such as seconds or microseconds.
FIRST_BLOCK_MS, LAST_TIME_MS = 1_230_940_800_000, 4_102_444_800_000
COLUMNS = 1 + len(FIELDS)
UNPLACED = "open time not usable"
SLOT_TAKEN = "open time off the grid, and another row has its slot"
PLACED = "open time off the grid, moved to the slot that contains it"
CONTRADICTION = "time appears twice with different values"
LAST_COUNTS = f"{CONTRADICTION}, the last row counts"


@dataclass(frozen=True, slots=True)
class CheckedPage:
    """The usable rows of one response.

    `rejected` counts the rows that cannot be trusted, by reason; `rejected_slots` holds the open times that they may
    belong to. `corrections` counts what was corrected, by kind. `outside_count` counts rows outside the window.
    `missing_slots` are those that the response lacks, if the exchange sends candles for quiet minutes too.
    """

    candles: Candles
    rejected: Counter[str] = field(default_factory=Counter)
    rejected_slots: frozenset[int] = frozenset()
    outside_count: int = 0
    corrections: Counter[str] = field(default_factory=Counter)
    missing_slots: frozenset[int] = frozenset()

    @property
    def rejected_in_words(self) -> str:
        """Return the reasons in words: `2 × high below low`."""
        return in_words(self.rejected)

    def lacking(self, window: Window, timeframe: Timeframe) -> frozenset[int]:
        """Return the open times in the window that have no candle here."""
        return frozenset(range(window.start_ms, window.end_ms, timeframe.ms)) - set(self.candles.open_time_ms.tolist())

    def without(self, slots: Iterable[int], reason: str) -> "CheckedPage":
        """Return the page with the candles of these open times rejected."""
        taken = set(slots).intersection(self.candles.open_time_ms.tolist())
        if not taken:
            return self
        kept = self.candles.select(~np.isin(self.candles.open_time_ms, list(taken)))
        rejected = self.rejected + Counter({reason: len(taken)})
        return replace(self, candles=kept, rejected=rejected, rejected_slots=self.rejected_slots | taken)


@dataclass(frozen=True, slots=True)
class Page:
    """The checked response for one window.

    `failed_reason`: why the exchange gave no usable response, else empty; `checked` is then empty. `unobtainable`: the
    exchange no longer serves the window, so that another request cannot help.
    """

    window: Window
    checked: CheckedPage
    failed_reason: str = ""
    unobtainable: bool = False

    @classmethod
    def failed(cls, window: Window, reason: str, *, unobtainable: bool = False) -> "Page":
        """Return the page of a window that has no usable response."""
        return cls(window, CheckedPage(Candles.from_rows([])), reason, unobtainable)


def in_words(counts: Counter[str]) -> str:
    """Return counts in words: `2 × high below low, 1 × volume negative`."""
    return ", ".join(f"{count} × {reason}" for reason, count in sorted(counts.items()))


def check_rows(
    rows: Sequence[Row],
    window: Window,
    timeframe: Timeframe,
    *,
    extras: NDArray[np.float64] | None = None,
    last_counts: bool = False,
) -> CheckedPage:
    """Keep the rows of the window that can be trusted, and count the others by reason.

    A row holds the open time in ms, open, high, low, close and volume; `extras` has the values of EXTRA_FIELDS of each
    row, shape (n, 3). A row that lies less than a candle after a free slot is that slot's candle (binance 2018-02-09:
    14.789 s). A time that appears twice with different values is rejected, as either may be right; with `last_counts`
    the last row is kept.
    """
    extras = no_extras(len(rows)) if extras is None else extras
    table = _as_table(rows)
    page = None if table is None else _check_at_once(table, extras, window, timeframe)
    return check_one_by_one(rows, window, timeframe, extras, last_counts=last_counts) if page is None else page


def _as_table(rows: Sequence[Row]) -> NDArray[np.float64] | None:
    """Return the rows with shape (n, 6) if each holds that many plain numbers; else None."""
    if not set(map(type, rows)) <= {list, tuple} or set(map(len, rows)) != {COLUMNS}:
        return None
    values = list(itertools.chain.from_iterable(rows))
    if not set(map(type, values)) <= {int, float}:
        return None
    try:
        return np.fromiter(values, dtype=np.float64, count=len(values)).reshape(-1, COLUMNS)
    except OverflowError:
        return None


def _check_at_once(
    table: NDArray[np.float64], extras: NDArray[np.float64], window: Window, timeframe: Timeframe
) -> CheckedPage | None:
    """Return what `check_one_by_one` returns, seven times as fast, for a response without faults; else None.

    Each comparison is false if a number is NaN.
    """
    times = table[:, 0]
    with np.errstate(invalid="ignore"):  # Infinity has no remainder.
        on_grid = (times >= FIRST_BLOCK_MS) & (times < LAST_TIME_MS) & (times % timeframe.ms == 0)
    if not on_grid.all() or not (times[1:] > times[:-1]).all():
        return None
    first, last = np.searchsorted(times, [window.start_ms, window.end_ms])
    inside = table[first:last]
    _, open_, high, low, close, volume = inside.T
    ordered = (low > 0) & (low <= open_) & (low <= close) & (open_ <= high) & (close <= high)
    # The largest float may represent a whole number that is even larger.
    finite = (high < sys.float_info.max) & (volume < sys.float_info.max)
    if not (ordered & finite & (volume >= 0)).all():
        return None
    candles = Candles(inside[:, 0].astype(np.int64), inside[:, 1:].copy(), extras[first:last].copy())
    sound, corrections = without_unsound_extras(candles)
    return CheckedPage(sound, outside_count=len(table) - len(inside), corrections=corrections)


def check_one_by_one(
    rows: Sequence[Row],
    window: Window,
    timeframe: Timeframe,
    extras: NDArray[np.float64],
    *,
    last_counts: bool = False,
) -> CheckedPage:
    """Check rows of any kind one by one; otherwise the same as `check_rows`."""
    checks = _RowChecks(window, timeframe)
    on_grid, off_grid = checks.split_by_grid(rows, extras)
    for slot, row in _last_of_each(on_grid, checks.corrections) if last_counts else on_grid:
        checks.add(slot, row)
    checks.add_off_grid(off_grid)
    return checks.page()


class _RowChecks:
    """Keeps or rejects rows one by one, and counts both."""

    def __init__(self, window: Window, timeframe: Timeframe) -> None:
        self.corrections: Counter[str] = Counter()
        self._window = window
        self._timeframe = timeframe
        self._kept: dict[int, tuple[float, ...]] = {}
        self._rejected: Counter[str] = Counter()
        self._rejected_slots: set[int] = set()
        self._outside_count = 0

    def split_by_grid(
        self, rows: Sequence[Row], extras: NDArray[np.float64]
    ) -> tuple[list[tuple[int, Row]], list[tuple[int, Row]]]:
        """Return the rows on the grid and those off the grid, each with its slot; count those outside the window.

        Each returned row holds its OHLCV and then its extras.
        """
        on_grid: list[tuple[int, Row]] = []
        off_grid: list[tuple[int, Row]] = []
        for row, row_extras in zip(rows, extras.tolist(), strict=True):
            time = _usable_time(row)
            slot = None if time is None else self._timeframe.floor_ms(int(time))
            if slot is None:
                self._rejected[UNPLACED] += 1
            elif not self._window.start_ms <= slot < self._window.end_ms:
                self._outside_count += 1
            else:
                (on_grid if time == slot else off_grid).append((slot, (*row[:COLUMNS], *row_extras)))
        return on_grid, off_grid

    def add(self, slot: int, row: Row) -> None:
        """Keep a row as the candle of its slot, or reject it."""
        if fault := _fault(row) or self._contradiction(slot, row):
            self._rejected[fault] += 1
            self._rejected_slots.add(slot)
        else:
            self._kept[slot] = _values(row)

    def add_off_grid(self, rows: Sequence[tuple[int, Row]]) -> None:
        """Keep rows off the grid if no row on the grid claims their slot."""
        claimed = self._kept.keys() | self._rejected_slots
        for slot, row in rows:
            if slot in claimed:
                self._rejected[SLOT_TAKEN] += 1
            else:
                self.add(slot, row)
        self.corrections[PLACED] += len(self._kept.keys() - claimed - self._rejected_slots)

    def page(self) -> CheckedPage:
        """Return the result for all rows."""
        kept = [(time, *self._kept[time]) for time in sorted(self._kept) if time not in self._rejected_slots]
        candles, corrections = without_unsound_extras(Candles.from_rows(kept))
        page = CheckedPage(
            candles,
            self._rejected,
            frozenset(self._rejected_slots),
            self._outside_count,
            +(self.corrections + corrections),
        )
        if not self._rejected[UNPLACED]:
            return replace(page, rejected=+self._rejected)
        # A row without a usable time may be that of any missing candle.
        return replace(page, rejected_slots=page.rejected_slots | page.lacking(self._window, self._timeframe))

    def _contradiction(self, slot: int, row: Row) -> str | None:
        known = self._kept.get(slot)
        if known is not None and known[: len(FIELDS)] != _values(row)[: len(FIELDS)]:
            return CONTRADICTION
        return None


def _last_of_each(rows: Sequence[tuple[int, Row]], corrections: Counter[str]) -> list[tuple[int, Row]]:
    """Return the last row of each slot, and count the slots in which an earlier row had other values."""
    last: dict[int, Row] = {}
    for slot, row in rows:
        if slot in last and list(last[slot])[1:COLUMNS] != list(row)[1:COLUMNS]:
            corrections[LAST_COUNTS] += 1
        last[slot] = row
    return list(last.items())


def _usable_time(row: Row) -> int | float | None:
    time = row[0] if isinstance(row, list | tuple) and len(row) >= COLUMNS else None
    return time if _is_finite(time) and FIRST_BLOCK_MS <= time < LAST_TIME_MS else None


def _values(row: Row) -> tuple[float, ...]:
    """Return the values of a sound row, and its extra values."""
    # `_fault` has let only numbers pass, and the extra values are floats: mypy sees neither.
    return tuple(map(float, row[1:]))  # type: ignore[arg-type]


def _is_finite(value: object) -> TypeGuard[int | float]:
    """Tell whether a value is a number that fits into a float: JSON also has whole numbers of any length."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return abs(value) <= sys.float_info.max


def _fault(row: Row) -> str | None:
    values = row[1:COLUMNS]
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
