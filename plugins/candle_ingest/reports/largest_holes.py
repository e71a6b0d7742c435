"""Find the days on which one exchange lacks the most candles, and why."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from candle_ingest.candles.window import DAY_MS, Window
from candle_ingest.ledger.day_record import DayRecord
from candle_ingest.ledger.day_records import DayRecords
from candle_ingest.ledger.minute_state import MinuteState
from candle_ingest.reports.expected_coverage import ExpectedCoverage
from candle_ingest.store.bucket import InfluxBucket
from candle_ingest.store.flux import flux_range, is_pair, keep, select, time_ms, where

MAX_HOLES = 200
# In the order in which they are reported; given-up ones come last.
OPEN = (MinuteState.SILENT, MinuteState.REJECTED, MinuteState.FAILED, MinuteState.NOT_ASKED)
HOLES = (*OPEN, MinuteState.UNOBTAINABLE)
# The rest of the running day has not been requested yet.
_LARGEST = (
    where("r._field =~ /^(silent|rejected|failed|not_asked|unobtainable|unconfirmed)$/ and r._value > 0")
    + where('r._field != "not_asked" or r._time < time(v: running_day_ns)')
    + '  |> group(columns: ["_field"])\n  |> sort(columns: ["_value"], desc: true)\n  |> limit(n: most)\n'
    + keep("_time", "_field", "_value", "currency_pair")
)
PairDay = tuple[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class DayHole:
    """One exchange on one day: `count` candles in the state `state`, which is not settled.

    `reason`, `since_ms` and `due_ms` (when it is retried; 0 if it is not retried by itself) are those of its longest
    stretch.
    """

    currency_pair: str
    exchange: str
    day_ms: int
    state: MinuteState
    count: int
    reason: str
    since_ms: int
    due_ms: int

    @property
    def is_open(self) -> bool:
        """Tell whether it still needs an answer."""
        return self.state in OPEN


@dataclass(frozen=True, slots=True)
class LargestHoles:
    """The holes, and, by pair, the first error if a record of these days cannot be read: its holes are missing."""

    holes: list[DayHole]
    unreadable: dict[str, str]


def read_largest_holes(
    bucket: InfluxBucket,
    window: Window,
    expected: ExpectedCoverage,
    pairs: Collection[str] | None = None,
    most: int = MAX_HOLES,
) -> LargestHoles:
    """Return at most `most` holes on the days in `window`: open ones first, the largest and newest first.

    The running day counts up to now. Days with nothing merged and nothing waiting are not included.
    """
    days = _days_with_holes(bucket, window, expected, pairs, most)
    records, unreadable = _read_records(bucket, days)
    holes = [hole for record in records if record.exchange in expected.exchanges for hole in holes_of(record, expected)]
    return LargestHoles(sorted(holes, key=_order)[:most], unreadable)


def holes_of(record: DayRecord, expected: ExpectedCoverage) -> Iterator[DayHole]:
    """Yield one hole for each unsettled state of the day, up to now."""
    so_far = record.window.intersection(Window(0, max(0, expected.until_ms)))
    counts = record.counts(so_far).to_dict()
    for state in HOLES:
        if counts[state]:
            longest = max((s for s in record.stretches if s.state == state), key=lambda s: s.end_ms - s.start_ms)
            yield DayHole(
                currency_pair=record.currency_pair,
                exchange=record.exchange,
                day_ms=record.day_ms,
                state=state,
                count=counts[state],
                reason=longest.reason,
                since_ms=longest.since_ms,
                due_ms=longest.due_ms,
            )
    if record.unconfirmed:
        yield _unconfirmed(record)


def _unconfirmed(record: DayRecord) -> DayHole:
    return DayHole(
        currency_pair=record.currency_pair,
        exchange=record.exchange,
        day_ms=record.day_ms,
        state=MinuteState.UNOBTAINABLE,
        count=record.unconfirmed_slots,
        reason=f"never confirmed after the day: {record.unconfirmed_reason}",
        since_ms=0,
        due_ms=0,
    )


def _order(hole: DayHole) -> tuple[bool, int, int, str, str]:
    return not hole.is_open, -hole.count, -hole.day_ms, hole.currency_pair, hole.exchange


def _days_with_holes(
    bucket: InfluxBucket, window: Window, expected: ExpectedCoverage, pairs: Collection[str] | None, most: int
) -> list[PairDay]:
    running_day_ns = flux_range(expected.running_day)["start_ns"]
    flux = select("merge_days", is_pair(pairs)) + _LARGEST
    rows = bucket.query(flux, most=MAX_HOLES, running_day_ns=running_day_ns, **flux_range(window))
    counts: dict[PairDay, list[int]] = defaultdict(lambda: [0, 0])
    for row in rows:
        if pairs is None or row["currency_pair"] in pairs:
            is_open = row["_field"] in OPEN
            counts[row["currency_pair"], time_ms(row["_time"])][not is_open] += int(row["_value"])
    return sorted(counts, key=lambda day: (not counts[day][0], -max(counts[day]), -day[1]))[:most]


def _read_records(bucket: InfluxBucket, days: Iterable[PairDay]) -> tuple[list[DayRecord], dict[str, str]]:
    by_day: Mapping[int, set[str]] = defaultdict(set)
    for pair, day_ms in days:
        by_day[day_ms].add(pair)
    records = DayRecords(bucket)
    found: list[DayRecord] = []
    unreadable: dict[str, str] = {}
    for day_ms, pairs in sorted(by_day.items()):
        readable, errors = records.read_readable(Window(day_ms, day_ms + DAY_MS), pairs)
        found += readable.values()
        unreadable |= {pair: str(error) for pair, error in errors.items() if pair not in unreadable}
    return found, unreadable
