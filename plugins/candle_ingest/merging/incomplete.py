"""Describe what a run leaves incomplete."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from candle_ingest.candles.window import Window, format_ms, split_days, subtract
from candle_ingest.ledger.day_records import DayRecords
from candle_ingest.ledger.merged_day import MergedDay, Waiting
from candle_ingest.ledger.minute_state import MinuteState
from candle_ingest.planning.plan import Plan
from candle_ingest.planning.run import Run
from candle_ingest.plurals import are
from candle_ingest.store.bucket import InfluxBucket

MAX_REASON_LENGTH = 200


@dataclass(frozen=True, slots=True)
class Incomplete:
    """What a pair lacks, in words.

    `is_reported` says whether notices have reported every reason, `is_temporary` whether the merge failed and a retry
    may help.
    """

    sentence: str
    is_reported: bool = False
    is_temporary: bool = False


def incomplete_pairs(run: Run, plan: Plan, bucket: InfluxBucket) -> dict[str, Incomplete]:
    """Return, for each pair with unmerged minutes in the run's own window, what is missing and why."""
    window = own_window(run)
    if window is None:
        return {}
    days, unreadable = DayRecords(bucket).read_readable_merges(window, set(plan.pairs))
    found = {pair: list(_not_merged(pair, window, days)) for pair in plan.pairs if pair not in unreadable}
    short = {
        pair: Incomplete(_sentence(run, pair, parts), _are_reported(parts, plan.vanished.get(pair, ())))
        for pair, parts in found.items()
        if parts
    }
    return {**short, **{pair: Incomplete(f"{pair}: {error}") for pair, error in unreadable.items()}}


def _are_reported(parts: Sequence[Waiting], vanished: Collection[str]) -> bool:
    return all(_is_reported(part, vanished) for part in parts)


def _is_reported(part: Waiting, vanished: Collection[str]) -> bool:
    """Tell whether the part waits only for vanished markets and unobtainable minutes."""
    states = part.missing.items()
    return bool(states) and all(name in vanished or state == MinuteState.UNOBTAINABLE for name, state in states)


def own_window(run: Run) -> Window | None:
    """Return the window that the run must complete: from its params, else its interval, as far as it is closed."""
    fixed = run.fixed_window()
    if fixed is not None or run.interval is None:
        return fixed
    end_ms = run.fetch_end_ms
    return Window(min(run.interval.start_ms, end_ms), end_ms) or None


def _not_merged(pair: str, window: Window, days: Mapping[tuple[str, int], MergedDay]) -> Iterator[Waiting]:
    for part in split_days(window):
        day = next((d for (p, day_ms), d in days.items() if p == pair and d.window.covers(part)), None)
        for hole in subtract(part, day.merged_windows() if day else []):
            waiting = [w for w in day.waiting if w.window.intersection(hole)] if day else []
            if not waiting:
                yield Waiting(hole.start_ms, hole.end_ms, "no exchange has answered yet", 0)
            for one in waiting:
                part = one.window.intersection(hole)
                yield replace(one, start_ms=part.start_ms, end_ms=part.end_ms)


def _sentence(run: Run, pair: str, parts: Sequence[Waiting]) -> str:
    minutes = sum(part.window.slots(run.timeframe.ms) for part in parts)
    first, reason = parts[0], parts[0].reason
    short = reason if len(reason) <= MAX_REASON_LENGTH else f"{reason[:MAX_REASON_LENGTH]}…"
    return f"{pair}: {are(minutes, 'candle')} not merged, from {format_ms(first.start_ms)} on: {short}"
