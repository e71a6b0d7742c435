"""The days on which most candles of one exchange have no settled answer."""

from dataclasses import dataclass

from candle_ingest.candles.window import Window
from candle_ingest.store.bucket import InfluxBucket
from candle_ingest.store.flux import flux_range, time_ms

MOST_HOLES = 200
_READ = """
from(bucket: bucket)
  |> range(start: time(v: start_ns), stop: time(v: stop_ns))
  |> filter(fn: (r) => r._measurement == "daily_coverage")
  |> filter(fn: (r) => r._field =~ /^(suspected|rejected|failed|not_asked)$/ and r._value > 0)
  |> group(columns: ["_field"])
  |> sort(columns: ["_value"], desc: true)
  |> limit(n: most)
  |> keep(columns: ["_time", "_field", "_value", "currency_pair", "exchange"])
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class DayHole:
    """One exchange on one day: `count` candles in the state `state`, which is not settled."""

    currency_pair: str
    exchange: str
    day_ms: int
    state: str
    count: int


def read_largest_holes(bucket: InfluxBucket, window: Window) -> list[DayHole]:
    """Return at most MOST_HOLES holes of the days in `window`, the largest and newest first."""
    rows = bucket.query_rows(_READ, most=MOST_HOLES, **flux_range(window))
    holes = [_hole(row) for row in rows]
    return sorted(holes, key=lambda hole: (-hole.count, -hole.day_ms, hole.currency_pair))[:MOST_HOLES]


def _hole(row: dict[str, str]) -> DayHole:
    return DayHole(
        currency_pair=row["currency_pair"],
        exchange=row["exchange"],
        day_ms=time_ms(row["_time"]),
        state=row["_field"],
        count=int(row["_value"]),
    )
