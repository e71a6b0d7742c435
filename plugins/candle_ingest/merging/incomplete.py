"""What a run leaves incomplete, in words."""

from collections.abc import Iterator, Mapping, Sequence

from candle_ingest.candles.window import Window, format_ms, split_days, subtract
from candle_ingest.ledger.day_records import DayRecords
from candle_ingest.ledger.merge_day import MergeDay
from candle_ingest.planning.run import Run
from candle_ingest.store.bucket import InfluxBucket

LONGEST_REASON = 200


def incomplete_pairs(run: Run, pairs: Sequence[str], bucket: InfluxBucket) -> dict[str, str]:
    """Return a sentence for each pair of which minutes of the run's own window are not merged, and why."""
    window = own_window(run)
    if window is None:
        return {}
    days = DayRecords(bucket).read_merges(window, set(pairs))
    found = {pair: list(_not_merged(pair, window, days)) for pair in pairs}
    return {pair: _sentence(run, pair, parts) for pair, parts in found.items() if parts}


def own_window(run: Run) -> Window | None:
    """Return the window that the run is to complete: its params', else its interval's, as far as it is closed."""
    fixed = run.fixed_window()
    if fixed is not None or run.interval is None:
        return fixed
    end_ms = run.end_of_asking_ms
    return Window(min(run.interval.start_ms, end_ms), end_ms) or None


def _not_merged(pair: str, window: Window, days: Mapping[tuple[str, int], MergeDay]) -> Iterator[tuple[Window, str]]:
    for part in split_days(window):
        day = next((d for (p, day_ms), d in days.items() if p == pair and d.window.covers(part)), None)
        for hole in subtract(part, day.merged_windows() if day else []):
            waiting = [w for w in day.waiting if w.window.intersection(hole)] if day else []
            if not waiting:
                yield hole, "no exchange has answered yet"
            for one in waiting:
                yield one.window.intersection(hole), one.reason


def _sentence(run: Run, pair: str, parts: Sequence[tuple[Window, str]]) -> str:
    minutes = sum(window.slots(run.timeframe.ms) for window, _ in parts)
    first, reason = parts[0]
    short = reason if len(reason) <= LONGEST_REASON else f"{reason[:LONGEST_REASON]}…"
    return f"{pair}: {minutes} candles are not merged, from {format_ms(first.start_ms)} on: {short}"
