"""Bars for a chart: any range in at most a few hundred of them, made by InfluxDB."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from candle_ingest.candles.timeframe import Timeframe
from candle_ingest.candles.window import DAY_MS, MINUTE_MS, Window
from candle_ingest.store.bucket import InfluxBucket
from candle_ingest.store.flux import flux_range, times_ms

MOST_BARS = 750
STEPS_MS = [minutes * MINUTE_MS for minutes in (1, 2, 5, 10, 15, 30, 60, 120, 240, 480, 720)] + [
    days * DAY_MS for days in (1, 2, 5, 10)
]
# Each field by itself: so InfluxDB adds up while it reads, a year of minutes in well under a second.
_FIELD = """
from(bucket: bucket)
  |> range(start: time(v: start_ns), stop: time(v: stop_ns))
  |> filter(fn: (r) => r._measurement == "{measurement}" and r.currency_pair == currency_pair)
  |> filter(fn: (r) => r._field == "{field}")
  |> aggregateWindow(every: every, fn: {function}, createEmpty: false, timeSrc: "_start")
  |> keep(columns: ["_time", "_value", "exchange"])
  |> set(key: "what", value: "{what}")
  |> yield(name: "{what}")
"""
_MERGED = {
    "open": ("open", "first"),
    "high": ("high", "max"),
    "low": ("low", "min"),
    "close": ("close", "last"),
    "volume": ("volume", "sum"),
    "fewest": ("exchange_count", "min"),
    "average": ("exchange_count", "mean"),
    "most": ("exchange_count", "max"),
    "count": ("close", "count"),
}
_READ = "".join(
    _FIELD.format(measurement="candles", field=field, function=function, what=what)
    for what, (field, function) in _MERGED.items()
) + _FIELD.format(measurement="exchange_candles", field="close", function="last", what="exchange_close")


@dataclass(frozen=True, slots=True, kw_only=True)
class ChartBars:
    """Bars of `every_ms`, by columns; times are when a bar opens, in ms.

    `merged` has open, high, low, close, volume; the `fewest`, `average` and `most` exchanges of one candle in the bar;
    and how many candles it has, `count`. `exchanges` has the close of each.
    """

    every_ms: int
    times: list[int]
    merged: dict[str, list[float]]
    exchanges: dict[str, dict[str, list[float]]]


def bar_length_ms(window: Window, timeframe: Timeframe) -> int:
    """Return the shortest length that gives at most MOST_BARS bars, and is no shorter than a candle."""
    shortest = max(timeframe.ms, (window.end_ms - window.start_ms) / MOST_BARS)
    return next((step for step in STEPS_MS if step >= shortest), STEPS_MS[-1])


def read_chart_bars(bucket: InfluxBucket, currency_pair: str, window: Window, timeframe: Timeframe) -> ChartBars:
    """Return the bars of `window`; one without any candle is left out."""
    every_ms = bar_length_ms(window, timeframe)
    every = timedelta(milliseconds=every_ms)
    rows = bucket.query(_READ, currency_pair=currency_pair, every=every, **flux_range(window))
    columns = {what: [row for row in rows if row["what"] == what] for what in (*_MERGED, "exchange_close")}
    closes = columns.pop("exchange_close")
    return ChartBars(
        every_ms=every_ms,
        times=times_ms(row["_time"] for row in columns["close"]).tolist(),
        merged={what: _values(found) for what, found in columns.items()},
        exchanges={name: _line(closes, name) for name in sorted({row["exchange"] for row in closes})},
    )


def _line(rows: list[dict[str, str]], exchange: str) -> dict[str, list[Any]]:
    own = [row for row in rows if row["exchange"] == exchange]
    return {"times": times_ms(row["_time"] for row in own).tolist(), "close": _values(own)}


def _values(rows: list[dict[str, str]]) -> list[float]:
    return [float(row["_value"]) for row in rows]
