"""Symbols × days: how many candles of each day are accounted for."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from candle_ingest.adapters.flux_times import flux_range
from candle_ingest.adapters.influx_bucket import InfluxBucket
from candle_ingest.core.window import DAY_MS, Window, floor_ms

# Most days of most exchanges have nothing open: only what is open is sent for each exchange.
_READ = """
from(bucket: bucket)
  |> range(start: time(v: start_ns), stop: time(v: stop_ns))
  |> filter(fn: (r) => r._measurement == "daily_coverage" and r._field == "expected")
  |> group(columns: ["currency_pair"])
  |> aggregateWindow(every: 1d, fn: sum, createEmpty: false, timeSrc: "_start")
  |> keep(columns: ["_time", "_value", "currency_pair"])
  |> yield(name: "expected")
from(bucket: bucket)
  |> range(start: time(v: start_ns), stop: time(v: stop_ns))
  |> filter(fn: (r) => r._measurement == "daily_coverage")
  |> filter(fn: (r) => r._field == "failed" or r._field == "rejected" or r._field == "suspected"
       or r._field == "not_asked")
  |> filter(fn: (r) => r._value > 0)
  |> keep(columns: ["_time", "_value", "_field", "currency_pair"])
  |> yield(name: "open")
"""


@dataclass(frozen=True, slots=True, eq=False)
class CoverageDays:
    """Candles of each pair (rows) and each day in UTC (columns), summed over the exchanges.

    `expected` counts those that some exchange was asked for, 0 where nobody has asked yet; `open_counts` those without
    a settled answer.
    """

    pairs: list[str]
    days: list[str]
    expected: NDArray[np.int64]
    open_counts: NDArray[np.int64]


def last_days(count: int, now_ms: int) -> Window:
    """The last `count` days in UTC, with the one that has begun."""
    today_ms = floor_ms(now_ms, DAY_MS)
    return Window(today_ms - (count - 1) * DAY_MS, today_ms + DAY_MS)


def read_coverage_days(bucket: InfluxBucket, window: Window, listed: Iterable[str] = ()) -> CoverageDays:
    """The days of `window`, with a row also for each pair that is `listed` and has nothing yet."""
    rows = bucket.query(_READ, **flux_range(window))
    pairs = sorted({*listed, *(row["currency_pair"] for row in rows)})
    days = list(_days(window))
    expected, open_counts = (np.zeros((len(pairs), len(days)), np.int64) for _ in range(2))
    row_of, column_of = ({name: index for index, name in enumerate(names)} for names in (pairs, days))
    for row in rows:
        target = open_counts if "_field" in row else expected
        target[row_of[row["currency_pair"]], column_of[row["_time"][:10]]] += int(row["_value"])
    return CoverageDays(pairs, days, expected, open_counts)


def _days(window: Window) -> Iterator[str]:
    for time_ms in range(window.start_ms, window.end_ms, DAY_MS):
        yield datetime.fromtimestamp(time_ms / 1000, UTC).date().isoformat()
