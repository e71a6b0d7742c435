"""Report the slots of each pair by state over any span of time; InfluxDB adds them up.

Sums over the exchanges come from `merge_days`, which has one series per pair: years of thousands of pairs are read in
seconds. Those of each exchange come from `day_records`, which has one series per pair and exchange.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from candle_ingest.candles.window import DAY_MS, Window, split_rows
from candle_ingest.ledger.day_record import RecordState
from candle_ingest.ledger.day_records import DAY_RECORDS, MERGE_DAYS
from candle_ingest.ledger.minute_state import CoverageCounts, MinuteState
from candle_ingest.reports.expected_coverage import ExpectedCoverage
from candle_ingest.store.bucket import InfluxBucket
from candle_ingest.store.flux import flux_range, is_pair, keep, select, time_ms, where

STATES = tuple(map(str, MinuteState))
UNCONFIRMED = "unconfirmed"
_SLOTS = where(f"r._field =~ /^({'|'.join((*STATES, UNCONFIRMED))})$/") + "  |> sum()\n"
_SLOTS += keep("currency_pair", "exchange", "_field", "_value") + '  |> yield(name: "slots")\n'
_NOT_ASKED = where('r._field == "not_asked" and r._value > 0') + keep("_time", "currency_pair", "exchange", "_value")
# InfluxDB takes about twenty seconds for half a year of 2,000 pairs; years would take longer than a request may.
DAYS_AT_A_TIME = 180
# Pair and exchange; the exchange is empty for the sum over all of them.
Key = tuple[str, str]
ALL_EXCHANGES = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CoverageTotal:
    """The slots of one pair by state, on one exchange or (`exchange` is empty) summed over all that are expected.

    `provisional_days` counts the days whose closing look is still to come, `final_days` those that are final (in a sum
    over the exchanges, final on all of them). `unrecorded` counts the slots that no record covers; they are also
    counted as not asked. `unconfirmed` counts the slots whose closing looks failed until they were given up.
    """

    currency_pair: str
    exchange: str
    counts: CoverageCounts
    provisional_days: int
    final_days: int
    unrecorded: int
    unconfirmed: int = 0

    @property
    def recorded_counts(self) -> CoverageCounts:
        """Return the counts without the slots that no record covers."""
        expected, not_asked = (count - self.unrecorded for count in (self.counts.expected, self.counts.not_asked))
        return replace(self.counts, expected=expected, not_asked=not_asked)


def read_pair_totals(
    bucket: InfluxBucket, window: Window, pairs: Collection[str], expected: ExpectedCoverage
) -> list[CoverageTotal]:
    """Return the totals of each of `pairs` over the expected exchanges, as of its last merge.

    `window` begins at midnight. Slots that no record covers count as not asked; future slots do not count.
    """
    sums = _read_sums(bucket, MERGE_DAYS, window, pairs)
    for pair, _, _, slots in read_slots_to_come(bucket, window, pairs, expected):
        sums[pair, ALL_EXCHANGES]["not_asked"] -= slots
    slots = expected.slots_by_now(window) * len(expected.exchanges)
    return [_total((pair, ALL_EXCHANGES), sums[pair, ALL_EXCHANGES], slots) for pair in sorted(set(pairs))]


def read_exchange_totals(
    bucket: InfluxBucket, window: Window, pairs: Collection[str], expected: ExpectedCoverage
) -> list[CoverageTotal]:
    """Return the totals of each of `pairs` on each expected exchange; otherwise as `read_pair_totals`."""
    sums = _read_sums(bucket, DAY_RECORDS, window, pairs)
    for pair, exchange, _, slots in read_slots_to_come(bucket, window, pairs, expected):
        sums[pair, exchange]["not_asked"] -= slots
    wanted = sorted((pair, exchange) for pair in set(pairs) for exchange in expected.exchanges)
    return [_total(key, sums[key], expected.slots_by_now(window)) for key in wanted]


def read_slots_to_come(
    bucket: InfluxBucket, window: Window, pairs: Collection[str] | None, expected: ExpectedCoverage
) -> Iterator[tuple[str, str, int, int]]:
    """Yield pair, exchange, midnight in ms, and how many future slots its record counts as not asked."""
    start_ms = expected.running_day.start_ms
    running = window.intersection(Window(start_ms, max(window.end_ms, start_ms)))
    if not running:
        return
    flux = select(DAY_RECORDS, is_pair(pairs)) + _NOT_ASKED
    for row in bucket.query_rows(flux, **flux_range(running)):
        day_ms = time_ms(row["_time"])
        to_come = min(int(row["_value"]), expected.slots_to_come(day_ms))
        if to_come and row["exchange"] in expected.exchanges:
            yield row["currency_pair"], row["exchange"], day_ms, to_come


def total_counts(counts: Iterable[CoverageCounts]) -> CoverageCounts:
    """Return the sum of the counts."""
    return sum(counts, CoverageCounts())


def _read_sums(
    bucket: InfluxBucket, measurement: str, window: Window, pairs: Collection[str]
) -> dict[Key, dict[str, int]]:
    sums: dict[Key, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    source = select(measurement, is_pair(pairs))
    # Each sum has its own query: InfluxDB does not aggregate while reading if two sums share a stream.
    flux = "".join(source + part for part in (_SLOTS, *map(_days, (RecordState.PROVISIONAL, RecordState.FINAL))))
    for part in split_rows(window, DAY_MS, DAYS_AT_A_TIME):
        for row in bucket.query_rows(flux, **flux_range(part)):
            sums[row["currency_pair"], row.get("exchange") or ALL_EXCHANGES][row["_field"]] += int(row["_value"])
    return sums


def _days(state: RecordState) -> str:
    counted = where('r._field == "state"') + where(f'r._value == "{state}"') + "  |> count()\n"
    named = f'  |> set(key: "_field", value: "{state}")\n  |> yield(name: "{state}")\n'
    return counted + keep("currency_pair", "exchange", "_value") + named


def _total(key: Key, sums: Mapping[str, int], slots: int) -> CoverageTotal:
    known = {state: max(0, sums.get(state, 0)) for state in STATES}
    # Days without a record, and exchanges that joined the settings after the last merge.
    unrecorded = max(0, slots - sum(known.values()))
    known["not_asked"] += unrecorded
    counts = CoverageCounts(expected=sum(known.values()), **known)
    pair, exchange = key
    return CoverageTotal(
        currency_pair=pair,
        exchange=exchange,
        counts=counts,
        provisional_days=sums.get(RecordState.PROVISIONAL, 0),
        final_days=sums.get(RecordState.FINAL, 0),
        unrecorded=unrecorded,
        unconfirmed=sums.get(UNCONFIRMED, 0),
    )
