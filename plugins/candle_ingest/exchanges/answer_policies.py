"""Detect responses for a different time range: three policies.

Such a response comes from a cache, or from an exchange that ignores the requested range. If it were accepted, its
missing minutes would count as quiet.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from candle_ingest.candles.timeframe import Timeframe
from candle_ingest.candles.window import Window
from candle_ingest.plurals import counted

if TYPE_CHECKING:
    # It needs numpy, whose import takes longer than all else in parsing the DAG file.
    from candle_ingest.candles.row_checks import CheckedPage

# Open time in ms, open, high, low, close and volume, as ccxt parses them: each a number or None.
Row = Sequence[object]
# Smaller shifts cannot be told from quiet minutes next to a surplus row.
MIN_SHIFT = 10


class AnswerPolicy(Protocol):
    """What an exchange promises about the range of its responses."""

    def fault(
        self, page: "CheckedPage", answered: Sequence[Row], window: Window, timeframe: Timeframe, spare_rows: int
    ) -> str | None:
        """Return why the response does not show which candles of `window` exist; None if it does.

        `page` is what was kept of the rows `answered`, which ascend in time; `spare_rows` of them may lie after the
        window.
        """


@dataclass(frozen=True, slots=True)
class ExactWindow:
    """A response holds only candles of the window."""

    def fault(
        self, page: "CheckedPage", answered: Sequence[Row], window: Window, timeframe: Timeframe, spare_rows: int
    ) -> str | None:
        """Refuse rows outside the window unless the window is complete: they may have displaced some of its rows."""
        if page.outside_count <= spare_rows or len(page.candles) == timeframe.slots(window):
            return None
        return f"{counted(page.outside_count, 'candle')} of other times"


@dataclass(frozen=True, slots=True)
class LooseStart:
    """A response may begin before the window."""

    def fault(
        self, page: "CheckedPage", answered: Sequence[Row], window: Window, timeframe: Timeframe, spare_rows: int
    ) -> str | None:
        """Accept rows before the window, unless the response looks like one for another window."""
        if page.outside_count <= spare_rows or len(page.candles) == timeframe.slots(window):
            return None
        times_ms = _times_ms(answered)
        if page.outside_count == len(times_ms):
            return "only candles of other times"
        shifted = is_shifted(times_ms, window, timeframe)
        return f"{counted(page.outside_count, 'candle')} of other times" if shifted else None


@dataclass(frozen=True, slots=True)
class WholeHistory:
    """A response holds the last `rows` closed candles and the open one, whatever was requested."""

    rows: int

    def fault(
        self, page: "CheckedPage", answered: Sequence[Row], window: Window, timeframe: Timeframe, spare_rows: int
    ) -> str | None:
        """Check that the candles cover the window; a market with fewer of them is younger than it."""
        times_ms = _times_ms(answered)
        if not times_ms:
            return "no candles at all"
        first_ms, last_ms = times_ms[0], times_ms[-1]
        cut_off = len(times_ms) >= self.rows and first_ms > window.start_ms
        if cut_off or last_ms < window.end_ms - timeframe.ms:
            return "candles that do not cover the window"
        return "candles of other times" if last_ms - first_ms > self.rows * timeframe.ms else None


def _times_ms(rows: Sequence[Row]) -> list[float]:
    """Return the open times of the rows that have one, ascending."""
    return sorted([row[0] for row in rows if isinstance(row[0], int | float)])


def is_shifted(times_ms: Sequence[float], window: Window, timeframe: Timeframe) -> bool:
    """Return whether candles with these open times look like those of an earlier or later window.

    They extend beyond the window on one side, and leave at least as much of it empty on the other.
    """
    inside = [time_ms for time_ms in times_ms if window.start_ms <= time_ms < window.end_ms]
    if not inside:
        return bool(times_ms)
    before = (window.start_ms - min(times_ms)) // timeframe.ms
    after = (max(times_ms) - window.end_ms) // timeframe.ms + 1
    open_at_start = (min(inside) - window.start_ms) // timeframe.ms
    open_at_end = (window.end_ms - max(inside)) // timeframe.ms - 1
    return MIN_SHIFT <= before <= open_at_end or MIN_SHIFT <= after <= open_at_start
