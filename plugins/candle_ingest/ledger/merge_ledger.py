"""The ledger of merged windows in InfluxDB.

`merge_coverage`: tag `currency_pair`; fields `end_ms`, `expected`, `present`, `read_at_ms` (when the candles were
read), `recorded_at_ms`, and `exchanges`, those that took part, comma-separated. Points are as in `fetch_coverage`.
"""

from collections.abc import Sequence

from candle_ingest.candles.candles import Candles
from candle_ingest.candles.window import NS_PER_MS, Window, split_days
from candle_ingest.ledger.coverage_ledger import window_point
from candle_ingest.ledger.due_work import Merge
from candle_ingest.store.bucket import InfluxBucket
from candle_ingest.store.flux import flux_range, from_midnight

MEASUREMENT = "merge_coverage"
_READ = """
from(bucket: bucket)
  |> range(start: time(v: start_ns), stop: time(v: stop_ns))
  |> filter(fn: (r) => r._measurement == "merge_coverage" and r.currency_pair == currency_pair)
  |> filter(fn: (r) => r._field == "end_ms" or r._field == "exchanges" or r._field == "recorded_at_ms"
       or r._field == "read_at_ms")
  |> pivot(rowKey: ["_time"], columnKey: ["_field"], valueColumn: "_value")
  |> map(fn: (r) => ({r with time_ns: int(v: r._time)}))
"""


class MergeLedger:
    """Records and recalls what was merged, for candles of one length."""

    def __init__(self, bucket: InfluxBucket, bar_ms: int) -> None:
        self._bucket = bucket
        self._bar_ms = bar_ms

    def record(
        self, currency_pair: str, window: Window, candles: Candles, exchanges: Sequence[str], read_at_ms: int
    ) -> None:
        """Record that the window is merged and written, from what `exchanges` had answered at `read_at_ms`."""
        self._bucket.write_points(
            [
                window_point(MEASUREMENT, currency_pair, part, self._bar_ms)
                .field("present", len(candles.between(part.start_ms, part.end_ms)))
                .field("exchanges", ",".join(sorted(exchanges)))
                .field("read_at_ms", read_at_ms)
                for part in split_days(window)
            ]
        )

    def merges(self, window: Window, currency_pair: str) -> list[Merge]:
        """All merges of a pair that touch the days of `window`."""
        rows = self._bucket.query(_READ, currency_pair=currency_pair, **flux_range(from_midnight(window)))
        return [_merge(row) for row in rows]


def _merge(row: dict[str, str]) -> Merge:
    window = Window(int(row["time_ns"]) // NS_PER_MS, int(row["end_ms"]))
    return Merge(
        currency_pair=row["currency_pair"],
        window=window,
        exchanges=frozenset(row["exchanges"].split(",")),
        read_at_ms=int(row["read_at_ms"]),
        recorded_at_ms=int(row["recorded_at_ms"]),
    )
