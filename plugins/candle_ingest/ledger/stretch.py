"""Stretches of a day that were not plainly answered, and when each is requested again."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from candle_ingest.candles.window import DAY_MS, HOUR_MS, MINUTE_MS, Window, subtract, union
from candle_ingest.ledger.marked_day import Span
from candle_ingest.ledger.minute_state import MinuteState
from candle_ingest.ledger.task_instance_ref import TaskInstanceRef

FIRST_WAIT_MS = 15 * MINUTE_MS
MAX_WAIT_MS = DAY_MS
# Exchanges need time to complete their own data.
SILENCE_WAITS_MS = (HOUR_MS, DAY_MS, 3 * DAY_MS)
MAX_REASON_LENGTH = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch(Span):
    """A part of a UTC day in one state.

    `since_ms` is when it was first found in that state. `tries` counts requests since then, but not those made before
    it was due. `due_ms` is when it is requested next, 0 if it is not retried by itself. `recorder` is the task that
    requested it last. `was_silent` marks an unobtainable stretch for which the exchange answered without a candle.
    `row_missing` marks a silence of an exchange that sends a row for every minute, even without trades; it never counts
    as quiet. `by_list` marks a stretch that is not listed by the exchange's list of markets alone: it was never
    requested. `candle_lost` marks one whose candles were stored once and are gone from the bucket.
    """

    state: MinuteState
    reason: str = ""
    since_ms: int = 0
    tries: int = 0
    due_ms: int = 0
    was_silent: bool = False
    row_missing: bool = False
    by_list: bool = False
    candle_lost: bool = False
    recorder: TaskInstanceRef = field(default_factory=TaskInstanceRef)

    def within(self, window: Window) -> "Stretch":
        """Return the same stretch with another span."""
        return replace(self, start_ms=window.start_ms, end_ms=window.end_ms)


def without(stretches: Iterable[Stretch], windows: Sequence[Window]) -> list[Stretch]:
    """Return the parts of the stretches outside `windows`; each keeps its reason, tries and due time."""
    covered = union(windows)
    ends = [window.end_ms for window in covered]
    return [s.within(part) for s in stretches for part in subtract(s.window, _touching(covered, ends, s.window))]


def _touching(sorted_windows: Sequence[Window], ends_ms: Sequence[int], window: Window) -> Iterator[Window]:
    """Yield the windows that overlap `window`; `sorted_windows` are ordered and apart, `ends_ms` are their ends."""
    for place in range(bisect_right(ends_ms, window.start_ms), len(sorted_windows)):
        if sorted_windows[place].start_ms >= window.end_ms:
            return
        yield sorted_windows[place]


def inside(stretches: Iterable[Stretch], window: Window) -> list[Stretch]:
    """Return the parts of the stretches within `window`."""
    return [s.within(part) for s in stretches if (part := s.window.intersection(window))]


class SortedStretches:
    """Many stretches that do not overlap, for looking up a few at a time."""

    def __init__(self, stretches: Iterable[Stretch]) -> None:
        self._stretches = sorted(stretches, key=lambda s: s.start_ms)
        self._ends = [s.end_ms for s in self._stretches]

    def inside(self, window: Window) -> list[Stretch]:
        """Return the parts within `window`."""
        first = bisect_right(self._ends, window.start_ms)
        last = first
        while last < len(self._stretches) and self._stretches[last].start_ms < window.end_ms:
            last += 1
        return inside(self._stretches[first:last], window)


def backoff_ms(tries: int) -> int:
    """Return the wait after try number `tries`: 15 minutes, doubled each time up to a day."""
    return min(FIRST_WAIT_MS << min(max(tries, 1) - 1, 20), MAX_WAIT_MS)


def silence_wait_ms(tries: int) -> int:
    """Return the wait after a silence was found `tries` times: an hour, a day, then three days."""
    return SILENCE_WAITS_MS[min(max(tries, 1), len(SILENCE_WAITS_MS)) - 1]


def given_up(stretch: Stretch, for_ms: int) -> Stretch:
    """Return the stretch as unobtainable, after `for_ms` without a usable answer."""
    reason = f"given up after {for_ms // DAY_MS} days: {stretch.reason}"[:MAX_REASON_LENGTH]
    was_silent = stretch.state == MinuteState.SILENT
    return replace(stretch, state=MinuteState.UNOBTAINABLE, reason=reason, due_ms=0, was_silent=was_silent)


def joined(stretches: Iterable[Stretch]) -> tuple[Stretch, ...]:
    """Return the stretches in order of time, with neighbours joined that differ only in their span."""
    found: list[Stretch] = []
    for stretch in sorted(stretches, key=lambda s: s.start_ms):
        if found and found[-1].end_ms == stretch.start_ms and found[-1].within(stretch.window) == stretch:
            found[-1] = replace(found[-1], end_ms=stretch.end_ms)
        else:
            found.append(stretch)
    return tuple(found)
