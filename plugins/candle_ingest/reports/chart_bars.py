"""Read the bars of a chart: any range in at most a few hundred bars, computed by InfluxDB."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeAlias

from candle_ingest.candles.timeframe import Timeframe
from candle_ingest.candles.window import DAY_MS, MINUTE_MS, Window
from candle_ingest.store.bucket import InfluxBucket
from candle_ingest.store.flux import answer, flux_range, keep, select, times_ms, where

Rows: TypeAlias = list[dict[str, str]]
MAX_BARS = 750
STEPS_MS = [minutes * MINUTE_MS for minutes in (1, 2, 5, 10, 15, 30, 60, 120, 240, 480, 720)] + [
    days * DAY_MS for days in (1, 2, 5, 10)
]
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
    "mean": ("close", "mean"),
}
_NOT_EMPTY = 'r._value != ""'
_QUALITY = {
    "dispersion": ("dispersion_bps", "max", ""),
    "rate_usdt": ("rate_usdt", "mean", ""),
    "rate_usdc": ("rate_usdc", "mean", ""),
    "excluded": ("excluded", "count", _NOT_EMPTY),
    "clamped": ("clamped", "count", _NOT_EMPTY),
    "disputed": ("disputed", "count", _NOT_EMPTY),
}
_OF_EXCHANGES = {"exchange_mean": ("close", "mean"), "exchange_market": ("market", "last")}


def _field(measurement: str, what: str, field: str, function: str, condition: str = "") -> str:
    """Return the query for one field: one query per field, so that InfluxDB aggregates while it reads."""
    found = select(measurement, "r.currency_pair == currency_pair") + where(f'r._field == "{field}"', condition)
    bars = f'  |> aggregateWindow(every: every, fn: {function}, createEmpty: false, timeSrc: "_start")\n'
    return found + bars + keep("_time", "_value", "exchange") + answer(what)


_READ = "".join(
    [
        *(_field("candles", what, *how) for what, how in _MERGED.items()),
        *(_field("exchange_candles", what, *how) for what, how in _OF_EXCHANGES.items()),
        *(_field("candle_quality", what, *how) for what, how in _QUALITY.items()),
    ]
)


@dataclass(frozen=True, slots=True)
class Line:
    """The values of bars; bars without a value are left out."""

    times: list[int]
    values: list[float]


@dataclass(frozen=True, slots=True, kw_only=True)
class ExchangeLine:
    """The mean closes of one exchange, and the market (`BTC/USDT`) that the newest of them comes from."""

    times: list[int]
    mean: list[float]
    market: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChartBars:
    """Bars of `every_ms`, by columns; times are when a bar opens, in ms.

    `merged` has, for each bar, the open, high, low, close and volume; the `fewest`, `average` and `most` exchanges of
    its candles; the number of candles, `count`; and the `mean` of their closes. `exchanges` has the `mean` close of
    each exchange, as it sent them, so that both means can be compared in bars of any length; and the `market` of each.

    `quality` has, only for bars with a value: the largest `dispersion` in basis points, the mean rates `rate_usdt` and
    `rate_usdc`, and the number of minutes with something `excluded`, `clamped` or `disputed`.
    """

    every_ms: int
    times: list[int]
    merged: dict[str, list[float]]
    exchanges: dict[str, ExchangeLine]
    quality: dict[str, Line]


def bar_length_ms(window: Window, timeframe: Timeframe) -> int:
    """Return the shortest bar length that gives at most MAX_BARS bars and is no shorter than a candle."""
    shortest = max(timeframe.ms, (window.end_ms - window.start_ms) / MAX_BARS)
    return next((step for step in STEPS_MS if step >= shortest), STEPS_MS[-1])


def read_chart_bars(bucket: InfluxBucket, currency_pair: str, window: Window, timeframe: Timeframe) -> ChartBars:
    """Return the bars of `window`; bars without a candle are left out."""
    every_ms = bar_length_ms(window, timeframe)
    every = timedelta(milliseconds=every_ms)
    params = {"currency_pair": currency_pair, "every": every, **flux_range(window)}
    columns: dict[str, Rows] = defaultdict(list)
    for row in bucket.query_rows(_READ, **params):
        columns[row["what"]].append(row)
    names = sorted({row["exchange"] for row in columns["exchange_mean"]})
    return ChartBars(
        every_ms=every_ms,
        times=_line(columns["close"]).times,
        merged={what: _line(columns[what]).values for what in _MERGED},
        exchanges={name: _exchange_line(columns, name) for name in names},
        quality={what: _line(columns[what]) for what in _QUALITY},
    )


def _exchange_line(columns: Mapping[str, Rows], exchange: str) -> ExchangeLine:
    means, markets = ([row for row in columns[what] if row["exchange"] == exchange] for what in _OF_EXCHANGES)
    line = _line(means)
    return ExchangeLine(times=line.times, mean=line.values, market=markets[-1]["_value"] if markets else "")


def _line(rows: Rows) -> Line:
    return Line(times_ms(row["_time"] for row in rows).tolist(), [float(row["_value"]) for row in rows])
