"""Report pairs × days: the candles of each day over the exchanges, folded to weeks or months for long ranges."""

from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from candle_ingest.candles.window import DAY_MS, Window, floor_ms
from candle_ingest.reports.coverage_totals import read_slots_to_come
from candle_ingest.reports.expected_coverage import ExpectedCoverage
from candle_ingest.store.bucket import InfluxBucket
from candle_ingest.store.flux import answer, flux_range, is_pair, keep, select, time_ms

# Longer ranges are folded: a thousand days do not fit side by side.
MAX_DAYS, MAX_WEEK_DAYS = 400, 1_500
MAX_PAIRS = 100
_STORED_PAIRS = """
import "influxdata/influxdb/schema"
schema.tagValues(
  bucket: bucket, tag: "currency_pair", predicate: (r) => r._measurement == "merge_days",
  start: time(v: start_ns), stop: time(v: stop_ns)
)
"""
# Grade A is the rest of what is merged.
GRADES = ("grade_b", "grade_c", "grade_d")
_EVERY = {"day": ("1d", "0s"), "week": ("7d", "4d"), "month": ("1mo", "0s")}
# A count of 0 is left out: a year of a hundred pairs has 36,500 days, and most of them have nothing open.
_WHAT = {
    "days": ('r._field == "exchanges"', "count"),
    "asked": ('r._field == "exchanges"', "sum"),
    "open": ("r._field =~ /^(silent|rejected|failed|not_asked)$/ and r._value > 0", "sum"),
    "unobtainable": ("r._field =~ /^(unobtainable|unconfirmed)$/ and r._value > 0", "sum"),
    # A day is open without an open minute of its exchanges where its rates are still to come.
    "provisional": ('r._field == "state" and (r._value == "provisional" or r._value == "open")', "count"),
    **{grade: (f'r._field == "{grade}" and r._value > 0', "sum") for grade in GRADES},
}


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns of a map: `fold` is `day`, `week` (from Monday) or `month`; `edges_ms` has one more entry."""

    fold: str
    edges_ms: list[int]

    @property
    def window(self) -> Window:
        """Return the span from the first column to the end of the last."""
        return Window(self.edges_ms[0], self.edges_ms[-1])

    def place_of(self, time_ms: int) -> int:
        """Return the index of the column that contains `time_ms`."""
        return bisect_right(self.edges_ms, time_ms) - 1

    def days_within(self, window: Window) -> list[int]:
        """Return how many days of each column lie in `window`."""
        spans = zip(self.edges_ms[:-1], self.edges_ms[1:], strict=True)
        return [Window(start, end).intersection(window).slots(DAY_MS) for start, end in spans]


@dataclass(frozen=True, slots=True, eq=False)
class CoverageRows:
    """Candles by pair (rows) and column, summed over the exchanges of the settings.

    `expected` counts the candles that should be there by now on days of which anything was requested. Of these,
    `open_counts` have no settled answer, `unobtainable` are no longer requested, not even to confirm them, and
    `provisional` lie on days that are not final: a closing look, an answer or a rate is still to come. `grades` counts
    the merged minutes of each of GRADES. All arrays have the shape (pairs, columns).
    """

    pairs: list[str]
    expected: NDArray[np.int64]
    open_counts: NDArray[np.int64]
    unobtainable: NDArray[np.int64]
    provisional: NDArray[np.int64]
    grades: dict[str, NDArray[np.int64]]


def last_columns(days: int, now_ms: int) -> Columns:
    """Return columns for the last `days` UTC days, today included; if folded, whole weeks or months."""
    today_ms = floor_ms(now_ms, DAY_MS)
    start_ms, end_ms = today_ms - (days - 1) * DAY_MS, today_ms + DAY_MS
    if days <= MAX_DAYS:
        return Columns("day", list(range(start_ms, end_ms + 1, DAY_MS)))
    if days <= MAX_WEEK_DAYS:
        return Columns("week", _weeks_ms(start_ms, end_ms))
    return Columns("month", _months_ms(start_ms, end_ms))


def read_stored_pairs(bucket: InfluxBucket, window: Window) -> list[str]:
    """Return the pairs that have a record of a day in `window`."""
    return [row["_value"] for row in bucket.query(_STORED_PAIRS, **flux_range(window))]


def read_coverage_rows(
    bucket: InfluxBucket, columns: Columns, pairs: Sequence[str], expected: ExpectedCoverage
) -> CoverageRows:
    """Return the rows of at most MAX_PAIRS pairs."""
    if len(pairs) > MAX_PAIRS:
        raise ValueError(f"{len(pairs)} pairs; at most {MAX_PAIRS} at a time")
    return _read(bucket, columns, pairs, expected, _folded(columns.fold))


def read_coverage_totals(
    bucket: InfluxBucket, window: Window, pairs: Sequence[str], expected: ExpectedCoverage
) -> CoverageRows:
    """Return one column for all of `window`, for any number of pairs; InfluxDB adds them up."""
    whole = Columns("all", [window.start_ms, window.end_ms])
    return _read(bucket, whole, pairs, expected, lambda function: f"{function}()")


def _read(
    bucket: InfluxBucket,
    columns: Columns,
    pairs: Sequence[str],
    expected: ExpectedCoverage,
    aggregate: Callable[[str], str],
) -> CoverageRows:
    rows = {pair: row for row, pair in enumerate(pairs)}
    sums = {what: np.zeros((len(pairs), len(columns.edges_ms) - 1), np.int64) for what in (*_WHAT, "to_come")}
    for found in bucket.query_rows(_flux(pairs, aggregate), **flux_range(columns.window)) if pairs else ():
        if (row := rows.get(found["currency_pair"])) is not None:
            column = columns.place_of(time_ms(found["_time"])) if "_time" in found else 0
            sums[found["what"]][row, column] += int(found["_value"])
    for pair, _, day_ms, slots in read_slots_to_come(bucket, columns.window, pairs, expected):
        if (row := rows.get(pair)) is not None:
            sums["to_come"][row, columns.place_of(day_ms)] += slots
    return _rows(list(pairs), sums, expected)


def _folded(fold: str) -> Callable[[str], str]:
    every, offset = _EVERY[fold]
    span = f"every: {every}, offset: {offset}"
    return lambda function: f'aggregateWindow({span}, fn: {function}, createEmpty: false, timeSrc: "_start")'


def _flux(pairs: Sequence[str], aggregate: Callable[[str], str]) -> str:
    return "".join(
        select("merge_days", is_pair(pairs, MAX_PAIRS), condition)
        + f"  |> {aggregate(function)}\n"
        + keep("_time", "_value", "currency_pair")
        + answer(what)
        for what, (condition, function) in _WHAT.items()
    )


def _rows(pairs: list[str], sums: Mapping[str, NDArray[np.int64]], expected: ExpectedCoverage) -> CoverageRows:
    """Return the rows; days that were merged before an exchange joined the settings count as not asked for it."""
    slots = expected.timeframe.slots(Window(0, DAY_MS))
    all_slots = sums["days"] * len(expected.exchanges) * slots
    never_asked = np.maximum(0, all_slots - sums["asked"] * slots)
    provisional = sums["provisional"] * len(expected.exchanges) * slots
    return CoverageRows(
        pairs=pairs,
        expected=all_slots - sums["to_come"],
        open_counts=np.maximum(0, sums["open"] + never_asked - sums["to_come"]),
        unobtainable=sums["unobtainable"],
        provisional=np.maximum(0, provisional - sums["to_come"]),
        grades={grade: sums[grade] for grade in GRADES},
    )


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
