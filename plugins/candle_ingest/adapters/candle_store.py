"""Candles in InfluxDB: each exchange's own, and the merged ones."""

from collections.abc import Iterable, Sequence

import numpy as np

from candle_ingest.adapters.influx_bucket import InfluxBucket
from candle_ingest.adapters.line_protocol import escaped_field, escaped_tag
from candle_ingest.core.candles import FIELDS, Candles
from candle_ingest.core.merging import MergedCandles
from candle_ingest.core.window import Window

CANDLES = "candles"
EXCHANGE_CANDLES = "exchange_candles"
_READ = """
from(bucket: bucket)
  |> range(start: time(v: start_ns), stop: time(v: stop_ns))
  |> filter(fn: (r) => r._measurement == "exchange_candles" and r.currency_pair == currency_pair)
  |> filter(fn: (r) => r._field != "market")
  |> pivot(rowKey: ["_time"], columnKey: ["_field"], valueColumn: "_value")
  |> keep(columns: ["_time", "exchange", "open", "high", "low", "close", "volume"])
"""
_FIRST = """
from(bucket: bucket)
  |> range(start: time(v: start_ns), stop: time(v: stop_ns))
  |> filter(fn: (r) => r._measurement == "exchange_candles" and r._field == "close")
  |> filter(fn: (r) => r.currency_pair == currency_pair and r.exchange == exchange)
  |> first()
"""
_SPAN = """
merged = from(bucket: bucket)
  |> range(start: time(v: start_ns), stop: time(v: stop_ns))
  |> filter(fn: (r) => r._measurement == "candles" and r.currency_pair == currency_pair and r._field == "close")
merged |> count() |> map(fn: (r) => ({what: "count", value: int(v: r._value)})) |> yield(name: "count")
merged |> first() |> map(fn: (r) => ({what: "first", value: int(v: r._time)})) |> yield(name: "first")
merged |> last() |> map(fn: (r) => ({what: "last", value: int(v: r._time)})) |> yield(name: "last")
"""
NS_PER_MS = 1_000_000


class CandleStore:
    """Writes and reads candles of one bucket."""

    def __init__(self, bucket: InfluxBucket) -> None:
        self._bucket = bucket

    def write_exchange_candles(self, currency_pair: str, exchange: str, market: str, candles: Candles) -> None:
        """One exchange's own candles; `market` (`BTC/USDT`) says where they come from."""
        series = f"{EXCHANGE_CANDLES},currency_pair={escaped_tag(currency_pair)},exchange={escaped_tag(exchange)}"
        self._bucket.write_lines(_lines(series, candles, [f'market="{escaped_field(market)}"'] * len(candles)))

    def write_merged(self, currency_pair: str, merged: MergedCandles) -> None:
        """The merged candles of a pair."""
        further = [
            f'exchange_count={count}i,source_exchanges="{escaped_field(sources)}"'
            for count, sources in zip(merged.exchange_count.tolist(), merged.source_exchanges, strict=True)
        ]
        series = f"{CANDLES},currency_pair={escaped_tag(currency_pair)}"
        self._bucket.write_lines(_lines(series, merged.candles, further))

    def read_exchange_candles(self, currency_pair: str, exchanges: Sequence[str], window: Window) -> dict[str, Candles]:
        """The stored candles of each of `exchanges`; an exchange without any has empty ones."""
        rows = self._bucket.query(
            _READ,
            currency_pair=currency_pair,
            exchanges=list(exchanges),
            fields=list(FIELDS),
            **_range(window),
        )
        return {name: _candles([row for row in rows if row["exchange"] == name]) for name in exchanges}

    def has_candle_before(self, currency_pair: str, exchange: str, time_ms: int) -> bool:
        """Whether a candle of the exchange with an earlier open time is stored."""
        window = Window(0, max(1, time_ms))
        return bool(self._bucket.query(_FIRST, currency_pair=currency_pair, exchange=exchange, **_range(window)))

    def merged_span(self, currency_pair: str, window: Window) -> tuple[int, int | None, int | None]:
        """How many merged candles the window has, and the open times in ms of the first and the last."""
        rows = self._bucket.query(_SPAN, currency_pair=currency_pair, **_range(window))
        found = {row["what"]: int(row["value"]) for row in rows}
        first, last = (found[key] // NS_PER_MS if key in found else None for key in ("first", "last"))
        return found.get("count", 0), first, last


def _range(window: Window) -> dict[str, int]:
    return {"start_ns": window.start_ms * NS_PER_MS, "stop_ns": window.end_ms * NS_PER_MS}


def _lines(series: str, candles: Candles, further: Iterable[str]) -> list[str]:
    return [
        f"{series} open={o!r},high={h!r},low={lo!r},close={c!r},volume={v!r},{more} {time}"
        for (time, o, h, lo, c, v), more in zip(candles.rows(), further, strict=True)
    ]


def _candles(rows: list[dict[str, str]]) -> Candles:
    if not rows:
        return Candles.from_rows([])
    times = np.array([row["_time"].removesuffix("Z") for row in rows], dtype="datetime64[ms]").astype(np.int64)
    values = np.array([[row[field] for field in FIELDS] for row in rows], dtype=np.float64)
    order = np.argsort(times, kind="stable")
    return Candles(times[order], values[order])
