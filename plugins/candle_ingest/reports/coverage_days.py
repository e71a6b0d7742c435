"""Symbols × days: how many candles of each day are accounted for."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from candle_ingest.candles.window import DAY_MS, Window, floor_ms, format_ms
from candle_ingest.store.bucket import InfluxBucket
from candle_ingest.store.flux import flux_range

# What is not open is not asked for: a year of a hundred symbols has 36,500 days, and most of them are complete.
_READ = """
from(bucket: bucket)
  |> range(start: time(v: start_ns), stop: time(v: stop_ns))
  |> filter(fn: (r) => r._measurement == "daily_total")
  |> filter(fn: (r) => r._field == "expected" or (r._field == "open" and r._value > 0))
  |> keep(columns: ["_time", "_field", "_value", "currency_pair"])
"""


@dataclass(frozen=True, slots=True, eq=False)
class CoverageDays:
    """Candles of each pair (rows) and each day in UTC (columns; `days_ms` at midnight), summed over the exchanges.

    `expected` counts those that some exchange was asked for, 0 where nobody has asked yet; `open_counts` those without
    a settled answer.
    """

    pairs: list[str]
    days_ms: list[int]
    days: list[str]
    expected: NDArray[np.int64]
    open_counts: NDArray[np.int64]


def last_days(count: int, now_ms: int) -> Window:
    """The last `count` days in UTC, with the one that has begun."""
    today_ms = floor_ms(now_ms, DAY_MS)
    return Window(today_ms - (count - 1) * DAY_MS, today_ms + DAY_MS)


def read_coverage_days(bucket: InfluxBucket, window: Window, listed: Iterable[str] = ()) -> CoverageDays:
    """The days of `window`, with a row also for each pair that is `listed` and has nothing yet."""
    answer = bucket.query(_READ, **flux_range(window))
    pairs = sorted({*listed, *(row["currency_pair"] for row in answer)})
    days_ms = list(range(window.start_ms, window.end_ms, DAY_MS))
    days = [format_ms(day_ms)[:10] for day_ms in days_ms]
    rows, columns = ({name: index for index, name in enumerate(names)} for names in (pairs, days))
    counts = {field: np.zeros((len(pairs), len(days)), np.int64) for field in ("expected", "open")}
    for row in answer:
        counts[row["_field"]][rows[row["currency_pair"]], columns[row["_time"][:10]]] = int(row["_value"])
    return CoverageDays(pairs, days_ms, days, counts["expected"], counts["open"])
