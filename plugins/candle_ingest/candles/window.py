"""Windows: half-open spans of time in ms since 1970 UTC, and their arithmetic."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

NS_PER_MS = 1_000_000
MINUTE_MS = 60_000
HOUR_MS = 3_600_000
DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True, order=True)
class Window:
    """The times `t` with `start_ms <= t < end_ms`."""

    start_ms: int
    end_ms: int

    def __post_init__(self) -> None:
        if self.end_ms < self.start_ms:
            raise ValueError(f"a window cannot end ({self.end_ms}) before it starts ({self.start_ms})")

    def __str__(self) -> str:
        return f"[{format_ms(self.start_ms)}, {format_ms(self.end_ms)})"

    def __bool__(self) -> bool:
        return self.end_ms > self.start_ms

    def slots(self, step_ms: int) -> int:
        """Return how many whole steps of `step_ms` fit into the window."""
        return (self.end_ms - self.start_ms) // step_ms

    def covers(self, other: "Window") -> bool:
        """Tell whether every time of `other` is in this window."""
        return self.start_ms <= other.start_ms and other.end_ms <= self.end_ms

    def intersection(self, other: "Window") -> "Window":
        """Return the times in both windows; empty if they do not overlap."""
        start_ms = max(self.start_ms, other.start_ms)
        return Window(start_ms, max(start_ms, min(self.end_ms, other.end_ms)))


# Up to the year 2100.
ALL_TIME = Window(0, 4_102_444_800_000)


def format_ms(time_ms: int) -> str:
    """Return `2026-11-20T12:00Z`, with seconds only if there are any."""
    moment = datetime.fromtimestamp(time_ms / 1000, tz=UTC)
    return moment.strftime("%Y-%m-%dT%H:%MZ" if time_ms % MINUTE_MS == 0 else "%Y-%m-%dT%H:%M:%SZ")


def floor_ms(time_ms: int, step_ms: int) -> int:
    """Return the last multiple of `step_ms` that is not after `time_ms`."""
    return time_ms - time_ms % step_ms


def union(windows: Iterable[Window]) -> list[Window]:
    """Return the same times as the fewest windows, ascending, without empty ones."""
    joined: list[Window] = []
    for window in sorted(filter(None, windows)):
        if joined and window.start_ms <= joined[-1].end_ms:
            joined[-1] = Window(joined[-1].start_ms, max(joined[-1].end_ms, window.end_ms))
        else:
            joined.append(window)
    return joined


def subtract(window: Window, covered: Iterable[Window]) -> list[Window]:
    """Return the parts of `window` that are in no window of `covered`, ascending."""
    missing: list[Window] = []
    position_ms = window.start_ms
    for done in union(covered):
        if done.start_ms > position_ms and position_ms < window.end_ms:
            missing.append(Window(position_ms, min(done.start_ms, window.end_ms)))
        position_ms = max(position_ms, done.end_ms)
    if position_ms < window.end_ms:
        missing.append(Window(position_ms, window.end_ms))
    return missing


def contiguous_end_ms(start_ms: int, covered: Iterable[Window]) -> int:
    """Return the first time from `start_ms` on that no window covers."""
    for window in union(covered):
        if window.start_ms <= start_ms < window.end_ms:
            return window.end_ms
    return start_ms


def split_rows(window: Window, step_ms: int, rows: int) -> Iterator[Window]:
    """Yield consecutive windows of at most `rows` steps of `step_ms` that together are `window`."""
    for start_ms in range(window.start_ms, window.end_ms, step_ms * rows):
        yield Window(start_ms, min(start_ms + step_ms * rows, window.end_ms))


def touched_days(window: Window) -> Window:
    """Return the whole UTC days that overlap `window`."""
    return Window(floor_ms(window.start_ms, DAY_MS), floor_ms(window.end_ms + DAY_MS - 1, DAY_MS))


def split_days(window: Window) -> Iterator[Window]:
    """Yield the window, cut at each midnight UTC."""
    start_ms = window.start_ms
    while start_ms < window.end_ms:
        end_ms = min(floor_ms(start_ms, DAY_MS) + DAY_MS, window.end_ms)
        yield Window(start_ms, end_ms)
        start_ms = end_ms
