"""Symbols × days: how many candles of each day are accounted for."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from candle_ingest.adapters.flux_times import flux_range
from candle_ingest.adapters.influx_bucket import InfluxBucket
from candle_ingest.core.window import DAY_MS, Window, floor_ms, format_ms

# A year of a hundred symbols on three exchanges is 109,500 points, most of them alike: InfluxDB is asked for what
# differs, and for where each series begins, ends and whether it has every day between. That takes half the time.
_OF_SERIES = """
from(bucket: bucket)
  |> range(start: time(v: start_ns), stop: time(v: stop_ns))
  |> filter(fn: (r) => r._measurement == "daily_coverage" and {fields})
  |> {choose}
  |> keep(columns: ["_time", "_field", "_value", "currency_pair", "exchange"])
  |> set(key: "what", value: "{what}")
  |> yield(name: "{what}")
"""
_EXPECTED = 'r._field == "expected"'
_OPEN = " or ".join(f'r._field == "{name}"' for name in ("failed", "rejected", "suspected", "not_asked"))
# Read together: InfluxDB takes less time for all of it than for two halves at once.
_UNUSUAL = """filter(fn: (r) =>
    (r._field == "expected" and r._value != whole_day) or (r._field != "expected" and r._value > 0))"""
_READ = "".join(
    _OF_SERIES.format(what=what, fields=fields, choose=choose)
    for what, fields, choose in (
        ("first", _EXPECTED, "first()"),
        ("last", _EXPECTED, "last()"),
        ("count", _EXPECTED, "count()"),
        ("unusual", f"({_EXPECTED} or {_OPEN})", _UNUSUAL),
    )
)
_READ_EACH = _OF_SERIES.format(what="each", fields=_EXPECTED, choose="filter(fn: (r) => r._value > 0)")
Series = tuple[str, str]
Row = dict[str, str]


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


def read_coverage_days(bucket: InfluxBucket, window: Window, bar_ms: int, listed: Iterable[str] = ()) -> CoverageDays:
    """The days of `window`, with a row also for each pair that is `listed` and has nothing yet."""
    whole_day = DAY_MS // bar_ms
    found: dict[str, list[Row]] = defaultdict(list)
    for row in bucket.query(_READ, whole_day=whole_day, **flux_range(window)):
        found[row["what"]].append(row)
    pairs = sorted({*listed, *(row["currency_pair"] for row in found["count"])})
    days_ms = list(range(window.start_ms, window.end_ms, DAY_MS))
    matrix = _Matrix(pairs, [format_ms(day_ms)[:10] for day_ms in days_ms])
    spans = _spans(found, matrix)
    gapless = {series: (first, last) for series, (first, last, count) in spans.items() if count == last - first + 1}
    matrix.add_gapless(gapless, (row for row in found["unusual"] if row["_field"] == "expected"), whole_day)
    if len(gapless) < len(spans):
        each = bucket.query(_READ_EACH, **flux_range(window))
        matrix.add(matrix.expected, (row for row in each if _series(row) not in gapless))
    matrix.add(matrix.open_counts, (row for row in found["unusual"] if row["_field"] != "expected"))
    return CoverageDays(pairs, days_ms, list(matrix.columns), matrix.expected, matrix.open_counts)


class _Matrix:
    """Pairs × days, filled row by row of an answer."""

    def __init__(self, pairs: list[str], days: list[str]) -> None:
        self.rows = {pair: index for index, pair in enumerate(pairs)}
        self.columns = {day: index for index, day in enumerate(days)}
        self.expected, self.open_counts = (np.zeros((len(pairs), len(days)), np.int64) for _ in range(2))

    def column(self, row: Row) -> int:
        """The day that a row of an answer is about."""
        return self.columns[row["_time"][:10]]

    def add(self, target: NDArray[np.int64], answer: Iterable[Row], plus: int = 0) -> None:
        """Add each row's value, and `plus`, to its pair and day. A pair that has just begun waits for the next look."""
        for row in answer:
            if row["currency_pair"] in self.rows:
                target[self.rows[row["currency_pair"]], self.column(row)] += int(row["_value"]) + plus

    def add_gapless(self, spans: Mapping[Series, tuple[int, int]], partial: Iterable[Row], whole_day: int) -> None:
        """Every day from the first to the last one of `spans`; `partial` has those that are not whole."""
        for (pair, _), (first, last) in spans.items():
            self.expected[self.rows[pair], first : last + 1] += whole_day
        self.add(self.expected, (row for row in partial if _series(row) in spans), -whole_day)


def _spans(found: Mapping[str, list[Row]], matrix: _Matrix) -> dict[Series, tuple[int, int, int]]:
    """The first and the last day of each series, and how many days it has."""
    first = {_series(row): matrix.column(row) for row in found["first"]}
    last = {_series(row): matrix.column(row) for row in found["last"]}
    count = {_series(row): int(row["_value"]) for row in found["count"]}
    return {
        series: (first[series], last[series], count[series]) for series in first.keys() & last.keys() & count.keys()
    }


def _series(row: Row) -> Series:
    return row["currency_pair"], row["exchange"]
