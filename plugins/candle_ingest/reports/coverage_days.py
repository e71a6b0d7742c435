"""Pairs × days: how many candles of each day are accounted for, folded to weeks or months over years."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from candle_ingest.candles.window import DAY_MS, Window, floor_ms
from candle_ingest.store.bucket import InfluxBucket
from candle_ingest.store.flux import flux_range, pair_filter, time_ms

# Longer ranges are folded: nobody can see a thousand days side by side.
MOST_DAYS, MOST_WEEK_DAYS = 400, 1_500
MOST_PAIRS = 100
_STORED_PAIRS = """
import "influxdata/influxdb/schema"
schema.tagValues(
  bucket: bucket, tag: "currency_pair", predicate: (r) => r._measurement == "daily_total",
  start: time(v: start_ns), stop: time(v: stop_ns)
)
"""
_SOURCE = """
from(bucket: bucket)
  |> range(start: time(v: start_ns), stop: time(v: stop_ns))
  |> filter(fn: (r) => r._measurement == "daily_total"{pairs})
"""
# A count of 0 is left out: a year of a hundred pairs has 36,500 days, and most of them have nothing open.
_FIELDS = '  |> filter(fn: (r) => r._field == "expected" or (r._field == "open" and r._value > 0))\n'
_KEEP = '  |> keep(columns: ["_time", "_field", "_value", "currency_pair"])\n'
_FOLD = '  |> aggregateWindow(every: {every}, offset: {offset}, fn: sum, createEmpty: false, timeSrc: "_start")\n'
_FOLDS = {"day": "", "week": _FOLD.format(every="7d", offset="4d"), "month": _FOLD.format(every="1mo", offset="0s")}
_TOTALS = (
    _SOURCE.replace("{pairs}", "") + _FIELDS + '  |> sum()\n  |> keep(columns: ["_field", "_value", "currency_pair"])\n'
)


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns of a map: `fold` is `day`, `week` (from Monday) or `month`; `edges_ms` has one more than columns."""

    fold: str
    edges_ms: list[int]

    @property
    def window(self) -> Window:
        """From the first column to the end of the last."""
        return Window(self.edges_ms[0], self.edges_ms[-1])

    def days_within(self, window: Window) -> list[int]:
        """How many days of each column lie in `window`."""
        spans = zip(self.edges_ms[:-1], self.edges_ms[1:], strict=True)
        return [Window(start, end).intersection(window).slots(DAY_MS) for start, end in spans]


@dataclass(frozen=True, slots=True, eq=False)
class CoverageRows:
    """Candles of `pairs` (rows) and columns, summed over the exchanges.

    `expected` counts those that some exchange was asked for, 0 where none was; `open_counts` those without a settled
    answer.
    """

    pairs: list[str]
    expected: NDArray[np.int64]
    open_counts: NDArray[np.int64]


def last_columns(days: int, now_ms: int) -> Columns:
    """Return columns for the last `days` days in UTC, today included; whole weeks or months where they are folded."""
    today_ms = floor_ms(now_ms, DAY_MS)
    start_ms, end_ms = today_ms - (days - 1) * DAY_MS, today_ms + DAY_MS
    if days <= MOST_DAYS:
        return Columns("day", list(range(start_ms, end_ms + 1, DAY_MS)))
    if days <= MOST_WEEK_DAYS:
        return Columns("week", _weeks_ms(start_ms, end_ms))
    return Columns("month", _months_ms(start_ms, end_ms))


def read_stored_pairs(bucket: InfluxBucket, window: Window) -> list[str]:
    """Return the pairs that have a record of a day in `window`."""
    return [row["_value"] for row in bucket.query(_STORED_PAIRS, **flux_range(window))]


def read_coverage_rows(bucket: InfluxBucket, columns: Columns, pairs: Sequence[str]) -> CoverageRows:
    """Return the rows of at most MOST_PAIRS pairs."""
    if len(pairs) > MOST_PAIRS:
        raise ValueError(f"{len(pairs)} pairs; at most {MOST_PAIRS} at a time")
    shape = len(pairs), len(columns.edges_ms) - 1
    expected, open_counts = np.zeros(shape, np.int64), np.zeros(shape, np.int64)
    if pairs:
        rows, by_field = {pair: row for row, pair in enumerate(pairs)}, {"expected": expected, "open": open_counts}
        flux = _SOURCE.replace("{pairs}", pair_filter(pairs, MOST_PAIRS)) + _FIELDS + _FOLDS[columns.fold] + _KEEP
        for row in bucket.query_rows(flux, **flux_range(columns.window)):
            column = int(np.searchsorted(columns.edges_ms, time_ms(row["_time"]), side="right")) - 1
            by_field[row["_field"]][rows[row["currency_pair"]], column] += int(row["_value"])
    return CoverageRows(list(pairs), expected, open_counts)


def read_coverage_totals(bucket: InfluxBucket, window: Window, pairs: Sequence[str]) -> CoverageRows:
    """Return one column for all of `window`, for any number of pairs: InfluxDB adds up."""
    rows = {pair: row for row, pair in enumerate(pairs)}
    expected, open_counts = np.zeros((len(pairs), 1), np.int64), np.zeros((len(pairs), 1), np.int64)
    by_field = {"expected": expected, "open": open_counts}
    for row in bucket.query_rows(_TOTALS, **flux_range(window)):
        if row["currency_pair"] in rows:
            by_field[row["_field"]][rows[row["currency_pair"]], 0] += int(row["_value"])
    return CoverageRows(list(pairs), expected, open_counts)


def _weeks_ms(start_ms: int, end_ms: int) -> list[int]:
    """Return Mondays from the one at or before the start to the first one at or after the end."""
    # 1970-01-05 was a Monday.
    first_ms = start_ms - (start_ms - 4 * DAY_MS) % (7 * DAY_MS)
    return list(range(first_ms, end_ms + 7 * DAY_MS, 7 * DAY_MS))


def _months_ms(start_ms: int, end_ms: int) -> list[int]:
    """Return the first days of months, from that of the start to the first one at or after the end."""
    month = datetime.fromtimestamp(start_ms / 1000, UTC).replace(day=1)
    edges = [month]
    while edges[-1].timestamp() * 1000 < end_ms:
        edges.append((edges[-1] + timedelta(days=32)).replace(day=1))
    return [int(edge.timestamp() * 1000) for edge in edges]
