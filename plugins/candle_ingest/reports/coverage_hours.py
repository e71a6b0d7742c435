"""Report one day of one pair: exchanges × hours, the reason for each hole, and what is merged."""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from candle_ingest.candles.window import HOUR_MS, Window, union
from candle_ingest.ledger.day_record import DayRecord, RecordState, new_day_record
from candle_ingest.ledger.day_records import DayRecords
from candle_ingest.ledger.merged_day import Waiting
from candle_ingest.ledger.minute_state import CoverageCounts, MinuteState
from candle_ingest.ledger.stretch import Stretch
from candle_ingest.ledger.task_instance_ref import TaskInstanceRef
from candle_ingest.reports.expected_coverage import ExpectedCoverage
from candle_ingest.store.bucket import InfluxBucket

SETTLED = (MinuteState.NOT_LISTED, MinuteState.OUTAGE)
_OF_ONE_PAGE = re.compile(r"^not asked, after \d+ pages without an answer: |https?://\S+")
# Reasons are cut off at a fixed length, so their ends may differ.
_KIND_LENGTH = 80


@dataclass(frozen=True, slots=True, kw_only=True)
class Hole:
    """Times of one exchange without a plain answer, with the same state and the same kind of reason.

    Pages of one answer that failed for the same reason are one hole; `reason` is that of the newest. `tries` is the
    largest number of tries, `since_ms` is when it was first found, `due_ms` when it is requested next (0 if it is not
    retried by itself), `recorder` the task that requested it last. `is_open` says whether it still needs an answer.
    """

    exchange: str
    state: MinuteState
    reason: str
    windows: list[Window]
    is_open: bool
    tries: int
    since_ms: int
    due_ms: int
    recorder: TaskInstanceRef


@dataclass(frozen=True, slots=True, kw_only=True)
class CoverageHours:
    """A day of a pair: `counts` has those of each exchange for each of `hours` (longer for longer candles).

    `was_asked` is false for a day of which no run has requested anything: nothing of it counts, as on the map. `states`
    has the state of each exchange's record, `state` is that of the merged day. `merged` are the times that are merged,
    with a candle or because there were no trades; `waiting` says why others are not.
    """

    hours: list[Window]
    counts: dict[str, list[CoverageCounts]]
    states: dict[str, RecordState]
    holes: list[Hole]
    state: RecordState
    merged: list[Window]
    waiting: list[Waiting]
    was_asked: bool

    @property
    def waits_for_rates(self) -> bool:
        """Tell whether the day is open without an open minute of its exchanges: a rate, or its merge, is to come."""
        is_open = any(counts.open for own in self.counts.values() for counts in own)
        return self.was_asked and self.state == RecordState.OPEN and not is_open


def read_coverage_hours(
    bucket: InfluxBucket, currency_pair: str, day: Window, expected: ExpectedCoverage
) -> CoverageHours:
    """Return the hours of the UTC day `day` for the exchanges in the settings and all others with a record.

    Future slots do not count.
    """
    known = _records(bucket, currency_pair, day)
    merge = DayRecords(bucket).read_merges(day, [currency_pair]).get((currency_pair, day.start_ms))
    was_asked = bool(known) or merge is not None
    records = {
        name: known.get(name) or _not_asked(currency_pair, name, day, expected) for name in _names(known, expected)
    }
    step_ms = max(HOUR_MS, expected.timeframe.ms)
    hours = [Window(start_ms, start_ms + step_ms) for start_ms in range(day.start_ms, day.end_ms, step_ms)]
    so_far = Window(0, max(0, expected.until_ms) if was_asked else 0)
    return CoverageHours(
        hours=hours,
        counts={name: hourly_counts(record, hours, so_far) for name, record in records.items()},
        states={name: record.state for name, record in records.items()},
        holes=find_holes(records, so_far),
        state=merge.state if merge else RecordState.OPEN,
        merged=merge.merged_windows() if merge else [],
        waiting=find_waiting(merge.waiting, records) if merge else [],
        was_asked=was_asked,
    )


def hourly_counts(record: DayRecord, hours: Iterable[Window], so_far: Window) -> list[CoverageCounts]:
    """Return the counts of each hour, without future slots."""
    parts = [hour.intersection(so_far) for hour in hours]
    return [record.counts(part) if part else CoverageCounts() for part in parts]


def find_holes(records: Mapping[str, DayRecord], so_far: Window) -> list[Hole]:
    """Return the holes within `so_far`: open ones first, then by time and exchange."""
    alike: dict[tuple[str, MinuteState, str], list[Stretch]] = defaultdict(list)
    for exchange, record in records.items():
        for stretch in record.stretches:
            if part := stretch.window.intersection(so_far):
                alike[exchange, stretch.state, _kind(stretch.reason)].append(stretch.within(part))
    holes = [_hole(exchange, stretches) for (exchange, _, _), stretches in alike.items()]
    return sorted(holes, key=lambda hole: (not hole.is_open, hole.windows[0], hole.exchange))


def find_waiting(waiting: Iterable[Waiting], records: Mapping[str, DayRecord]) -> list[Waiting]:
    """Return the waiting times, joined if they have the same reason, which names only exchanges and states."""
    found: list[Waiting] = []
    for part in waiting:
        words = _blockers(part.window, records) or part.reason
        if found and found[-1].end_ms == part.start_ms and found[-1].reason == words:
            found[-1] = replace(found[-1], end_ms=part.end_ms)
        else:
            found.append(replace(part, reason=words))
    return found


def _blockers(window: Window, records: Mapping[str, DayRecord]) -> str:
    """Return what keeps the window from being merged, such as `coinbaseexchange failed, kucoin silent`."""
    holes = find_holes(records, window)
    return ", ".join(sorted({f"{hole.exchange} {hole.state.replace('_', ' ')}" for hole in holes if hole.is_open}))


def _kind(reason: str) -> str:
    """Return the beginning of the reason, without what differs between the pages of one answer."""
    return _OF_ONE_PAGE.sub("", reason)[:_KIND_LENGTH]


def _records(bucket: InfluxBucket, currency_pair: str, day: Window) -> dict[str, DayRecord]:
    found = DayRecords(bucket).read(day, [currency_pair])
    return {exchange: record for (_, exchange, day_ms), record in found.items() if day_ms == day.start_ms}


def _names(known: Iterable[str], expected: ExpectedCoverage) -> Sequence[str]:
    return sorted({*expected.exchanges, *known})


def _not_asked(currency_pair: str, exchange: str, day: Window, expected: ExpectedCoverage) -> DayRecord:
    return new_day_record(currency_pair, exchange, day.start_ms, expected.timeframe.ms)


def _hole(exchange: str, stretches: Sequence[Stretch]) -> Hole:
    newest = max(stretches, key=lambda stretch: (stretch.since_ms, stretch.tries))
    due = [stretch.due_ms for stretch in stretches if stretch.due_ms]
    return Hole(
        exchange=exchange,
        state=newest.state,
        reason=newest.reason,
        windows=union(stretch.window for stretch in stretches),
        is_open=newest.state not in (*SETTLED, MinuteState.UNOBTAINABLE),
        tries=max(stretch.tries for stretch in stretches),
        since_ms=min(stretch.since_ms for stretch in stretches),
        due_ms=min(due, default=0),
        recorder=newest.recorder,
    )
