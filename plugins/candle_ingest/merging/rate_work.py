"""When rates have new answers, merge the days of the pairs that they convert again."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from candle_ingest.candles.rates import lookback, rate_pairs
from candle_ingest.candles.window import DAY_MS, Window
from candle_ingest.connections import RedisClient
from candle_ingest.ledger.day_record import DayRecord
from candle_ingest.ledger.day_records import DayRecords
from candle_ingest.ledger.work_index import OTHER_METHOD, PairDay, WorkIndex
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
    """Passes changes in a run's rate pairs on to the pairs that they convert.

    A rate pair that is no symbol has no merged candles: it counts as merged once the pairs that it converts are.
    """

    run: Run
    plan: Plan
    bucket: InfluxBucket
    client: RedisClient
    # All that may be rates, also those of other pipelines of the bucket.
    possible_pairs: frozenset[str]
    _passed_on: dict[PairDay, int] = field(default_factory=dict)
    _records: list[DayRecord] = field(default_factory=list)

    def pass_on(self) -> dict[PairDay, int]:
        """Mark each day of a pair whose rates have answers newer than its merge; return these days.

        A rate pair that is a symbol passes nothing on when its day is only merged by another method: its answers, and
        with them the rates, are the same.
        """
        index = WorkIndex(self.client, self.bucket)
        self._passed_on = {
            key: version
            for key, version in index.unmerged().items()
            if key[0] in self.possible_pairs and version != OTHER_METHOD
        }
        stale: dict[PairDay, int] = {}
        for day_ms, versions in self._by_day().items():
            for key, version in self._stale(day_ms, versions):
                stale[key] = max(version, stale.get(key, 0))
        index.note_unmerged(stale)
        return stale

    def _by_day(self) -> dict[int, dict[str, int]]:
        """Return the versions of the rate pairs of each day."""
        found: dict[int, dict[str, int]] = {}
        for (pair, day_ms), version in self._passed_on.items():
            found.setdefault(day_ms, {})[pair] = version
        return found

    def _stale(self, day_ms: int, versions: Mapping[str, int]) -> Iterator[tuple[PairDay, int]]:
        """Yield the days that these rate pairs convert on that day, each with the version of the rates."""
        window = Window(day_ms, day_ms + DAY_MS)
        records, unreadable = DayRecords(self.bucket).read_readable(window, set(versions))
        for pair in unreadable:
            # The pairs that it converts fail with this error; the day stays marked as unmerged.
            del self._passed_on[pair, day_ms]
        self._records += records.values()
        touched = {
            pair: _touched_days(day_ms, (r for key, r in records.items() if key[0] == pair)) for pair in versions
        }
        markets = {at_ms: self._markets(at_ms) for at_ms in set().union(*touched.values())}
        for pair, version in versions.items():
            for at_ms in touched[pair]:
                yield from (((symbol, at_ms), version) for symbol in _converted_by(pair, markets[at_ms]))

    def limited(self, days: Mapping[PairDay, int]) -> dict[PairDay, int]:
        """Return the days to merge; of a rate pair that is a symbol, up to the version that was passed on.

        A newer answer stays in the index although it is merged, so that the next run passes it on.
        """
        return {
            key: min(version, self._passed_on.get(key, OTHER_METHOD)) if key[0] in self.possible_pairs else version
            for key, version in days.items()
        }

    def note_merged(self) -> None:
        """Mark the answers that were passed on as merged; the next run passes on any newer ones."""
        index = WorkIndex(self.client, self.bucket)
        symbols = self.plan.symbols | index.pairs_of_others(self.run.settings.name)
        DayRecords(self.bucket).write_merged_versions(
            (record, record.answered_version)
            for record in self._records
            if record.currency_pair not in symbols and record.merged_version < record.answered_version
        )
        index.remove_merged({key: version for key, version in self._passed_on.items() if key[0] not in symbols})

    def _markets(self, day_ms: int) -> set[tuple[str, str]]:
        """Return each pair with a market that has candles of it on that day."""
        rows = self.bucket.query(_MARKETS, **flux_range(Window(day_ms, day_ms + DAY_MS)))
        return {(row["currency_pair"], row["_value"]) for row in rows if row["_value"]}


def _converted_by(rate_pair: str, markets: Iterable[tuple[str, str]]) -> set[str]:
    """Return the pairs that have a market in another quote, which the rate pair converts."""
    return {
        pair for pair, market in markets if rate_pair in rate_pairs(market.rpartition("/")[2], pair.rpartition("/")[2])
    }


def _touched_days(day_ms: int, records: Iterable[DayRecord]) -> set[int]:
    """Return the day, and the next one if its last minutes changed, which determine the next day's first rates.

    Closing looks that were given up settle these minutes without changing them.
    """
    end_ms = day_ms + DAY_MS
    last = Window(lookback(Window(end_ms, end_ms)).start_ms, end_ms)
    settled = (window for record in records for window in (*record.unmerged(), *record.unconfirmed))
    return {day_ms, end_ms} if any(window.intersection(last) for window in settled) else {day_ms}
