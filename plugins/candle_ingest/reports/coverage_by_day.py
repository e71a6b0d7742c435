"""Report the slots of each pair, exchange and day by state."""

from collections.abc import Collection
from dataclasses import dataclass, replace

from candle_ingest.candles.window import DAY_MS, Window
from candle_ingest.ledger.day_record import RecordState
from candle_ingest.ledger.day_records import DayRecords
from candle_ingest.ledger.minute_state import CoverageCounts
from candle_ingest.reports.expected_coverage import ExpectedCoverage
from candle_ingest.store.bucket import InfluxBucket


@dataclass(frozen=True, slots=True, kw_only=True)
class DayCoverage:
    """The slots of one pair on one exchange on the UTC day that begins at `day_ms`."""

    currency_pair: str
    exchange: str
    day_ms: int
    state: RecordState
    counts: CoverageCounts


def read_coverage_by_day(
    bucket: InfluxBucket, window: Window, pairs: Collection[str], expected: ExpectedCoverage
) -> tuple[list[DayCoverage], list[str]]:
    """Return every day of `window` for each pair and expected exchange; `window` begins and ends at midnight.

    A day without a record counts as not asked. Future slots do not count. Pairs with a record that cannot be read are
    left out, with an error for each.
    """
    found, unreadable = DayRecords(bucket).summaries(window, pairs)
    known = {(day.currency_pair, day.exchange, day.day_ms): day for day in found}
    rows = []
    for pair in sorted(set(pairs) - set(unreadable)):
        for exchange in sorted(expected.exchanges):
            for day_ms in range(window.start_ms, window.end_ms, DAY_MS):
                day = known.get((pair, exchange, day_ms))
                counts = without_slots_to_come(day.counts if day else None, day_ms, expected)
                state = day.state if day else RecordState.OPEN
                rows.append(
                    DayCoverage(currency_pair=pair, exchange=exchange, day_ms=day_ms, state=state, counts=counts)
                )
    return rows, [str(error) for error in unreadable.values()]


def without_slots_to_come(counts: CoverageCounts | None, day_ms: int, expected: ExpectedCoverage) -> CoverageCounts:
    """Return the counts of a day up to now; `counts` is None for a day without a record, which counts as not asked."""
    slots = expected.timeframe.slots(Window(day_ms, day_ms + DAY_MS))
    counts = counts or CoverageCounts(expected=slots, not_asked=slots)
    to_come = min(counts.not_asked, expected.slots_to_come(day_ms))
    return replace(counts, expected=counts.expected - to_come, not_asked=counts.not_asked - to_come)
