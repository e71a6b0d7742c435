"""Answers to another question: a page out of a cache, or an exchange that ignores what it was asked for."""

from collections.abc import Collection

from candle_ingest.candles.window import Window

# Smaller shifts cannot be told from quiet minutes next to a row too many.
LEAST_SHIFT = 10


def is_shifted(times_ms: Collection[int], window: Window, bar_ms: int) -> bool:
    """Whether candles with these open times look like those of an earlier window, or of a later one.

    They reach out of the window on one side, and leave at least as much of it open on the other.
    """
    inside = [time_ms for time_ms in times_ms if window.start_ms <= time_ms < window.end_ms]
    if not inside:
        return bool(times_ms)
    before = (window.start_ms - min(times_ms)) // bar_ms
    after = (max(times_ms) - window.end_ms) // bar_ms + 1
    open_at_start = (min(inside) - window.start_ms) // bar_ms
    open_at_end = (window.end_ms - max(inside)) // bar_ms - 1
    return LEAST_SHIFT <= before <= open_at_end or LEAST_SHIFT <= after <= open_at_start
