"""When rates have new answers, merge the days of the pairs that they convert again."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from candle_ingest.candles.rates import rate_pairs
from candle_ingest.candles.window import DAY_MS, Window
from candle_ingest.connections import RedisClient
from candle_ingest.ledger.day_record import DayRecord
from candle_ingest.ledger.day_records import DayRecords
from candle_ingest.ledger.rate_pairs import possible_rate_pairs
from candle_ingest.ledger.work_index import PairDay, WorkIndex
from candle_ingest.planning.plan import Plan
from candle_ingest.planning.run import Run
from candle_ingest.store.bucket import InfluxBucket
from candle_ingest.store.flux import flux_range

_MARKETS = """
from(bucket: bucket)
  |> range(start: time(v: start_ns), stop: time(v: stop_ns))
  |> filter(fn: (r) => r._measurement == "day_records" and r._field == "market")
  |> keep(columns: ["currency_pair", "_value"])
"""


@dataclass
class RateWork:
    """Passes changes in a run's rate pairs that are not symbols on to the pairs that they convert.

    A rate pair has no merged candles: it counts as merged once the pairs that it converts are.
    """

    run: Run
    plan: Plan
    bucket: InfluxBucket
    client: RedisClient
    _passed_on: dict[PairDay, int] = field(default_factory=dict)
    _records: list[DayRecord] = field(default_factory=list)

    def pass_on(self) -> dict[PairDay, int]:
        """Mark each day of a pair whose rates have answers newer than its merge; return these days."""
        index = WorkIndex(self.client, self.bucket)
        own = possible_rate_pairs(self.run.settings) - self.plan.symbols
        self._passed_on = {key: version for key, version in index.unmerged().items() if key[0] in own}
        stale: dict[PairDay, int] = {}
        for (pair, day_ms), version in list(self._passed_on.items()):
            records, unreadable = DayRecords(self.bucket).read_readable(Window(day_ms, day_ms + DAY_MS), {pair})
            if unreadable:
                # The pairs that it converts fail with this error; the day stays marked as unmerged.
                del self._passed_on[pair, day_ms]
            self._records += records.values()
            for touched_ms in _touched_days(day_ms, records.values()):
                stale |= {(symbol, touched_ms): version for symbol in self._converted_by(pair, touched_ms)}
        index.note_unmerged(stale)
        return stale

    def note_merged(self) -> None:
        """Mark the answers that were passed on as merged; the next run passes on any newer ones."""
        DayRecords(self.bucket).write_merged_versions(
            (record, record.answered_version)
            for record in self._records
            if record.merged_version < record.answered_version
        )
        WorkIndex(self.client, self.bucket).remove_merged(self._passed_on)

    def _converted_by(self, rate_pair: str, day_ms: int) -> set[str]:
        rows = self.bucket.query(_MARKETS, **flux_range(Window(day_ms, day_ms + DAY_MS)))
        markets = {(row["currency_pair"], row["_value"]) for row in rows if row["_value"]}
        return {
            pair
            for pair, market in markets
            if rate_pair in rate_pairs(market.rpartition("/")[2], pair.rpartition("/")[2])
        }


def _touched_days(day_ms: int, records: Iterable[DayRecord]) -> Iterator[int]:
    """Yield the day, and the next one if the day's last minutes changed, which determine the next day's first rates."""
    yield day_ms
    end_ms = day_ms + DAY_MS
    if any(window.end_ms == end_ms for record in records for window in record.unmerged()):
        yield end_ms
