"""Candles in InfluxDB: each exchange's own, and the merged ones.

`candles`: tag `currency_pair` (`BTC/USD`); fields `open`, `high`, `low`, `close`, `volume` (base units) float,
`exchange_count` integer (exchanges with a candle then), `source_exchanges` string, comma-separated; `vwap` float and
`trade_count` integer only if every one of those exchanges serves what they are computed from; time the open time.

`exchange_candles`: tags `currency_pair`, `exchange`; the same five floats, and `market` string, the market they were
requested from (`BTC/USDT`); where served, `quote_volume` float, `trade_count` integer, `taker_buy_volume` (base units)
float; time the open time.
"""

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np

from candle_ingest.candles.candles import EXTRA_FIELDS, FIELDS, Candles
from candle_ingest.candles.merge import MergedCandles
from candle_ingest.candles.window import NS_PER_MS, Window, union
from candle_ingest.errors.servers import StoredCandlesError
from candle_ingest.store.bucket import InfluxBucket
from candle_ingest.store.candle_csv import candles_from_columns, candles_from_csv, column_at, read_columns
from candle_ingest.store.flux import flux_range
from candle_ingest.store.line_protocol import candle_lines, escaped_field, escaped_tag, with_columns
from candle_ingest.store.outdated_points import NewPoints, Times, delete_outdated, delete_windows, field_in

CANDLES = "candles"
EXCHANGE_CANDLES = "exchange_candles"
# Fields that other programs add are not read.
IS_CANDLE_FIELD = field_in({*FIELDS, *EXTRA_FIELDS})
# Without a pivot the server is three times as fast, and joining the columns in numpy takes next to no time.
_READ = """
from(bucket: bucket)
  |> range(start: time(v: start_ns), stop: time(v: stop_ns))
  |> filter(fn: (r) => r._measurement == "exchange_candles" and r.currency_pair == currency_pair)
  |> filter(fn: (r) => r.exchange == exchange and FIELDS)
  |> keep(columns: ["_time", "_field", "_value"])
""".replace("FIELDS", IS_CANDLE_FIELD)
_READ_MERGED = """
from(bucket: bucket)
  |> range(start: time(v: start_ns), stop: time(v: stop_ns))
  |> filter(fn: (r) => r._measurement == "candles" and r.currency_pair == currency_pair)
  |> filter(fn: (r) => FIELDS)
  |> keep(columns: ["_time", "_field", "_value"])
""".replace("FIELDS", field_in({*FIELDS, "vwap", "trade_count"}))
_READ_SOURCES = """
from(bucket: bucket)
  |> range(start: time(v: start_ns), stop: time(v: stop_ns))
  |> filter(fn: (r) => r._measurement == "candles" and r.currency_pair == currency_pair)
  |> filter(fn: (r) => r._field == "source_exchanges")
  |> keep(columns: ["_time", "_value"])
  |> sort(columns: ["_time"])
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
_LAST_MARKETS = """
from(bucket: bucket)
  |> range(start: 0)
  |> filter(fn: (r) => r._measurement == "exchange_candles" and r.exchange == exchange and r._field == "market")
  |> last()
  |> keep(columns: ["currency_pair", "_value"])
"""


class CandleStore:
    """Writes and reads candles of one bucket."""

    def __init__(self, bucket: InfluxBucket) -> None:
        self._bucket = bucket

    def write_exchange_candles(self, currency_pair: str, exchange: str, market: str, candles: Candles) -> None:
        """Write one exchange's own candles, which were requested from `market` (`BTC/USDT`)."""
        self.write_candles_of(exchange, [(currency_pair, market, candles)])

    def write_candles_of(self, exchange: str, found: Iterable[tuple[str, str, Candles]]) -> None:
        """Write the candles of one exchange for many pairs, as (pair, market, candles), each pair once."""
        given = list(found)
        new = {pair: NewPoints(own.open_time_ms, own.extra_columns) for pair, _, own in given}
        self._delete_outdated(EXCHANGE_CANDLES, new, exchange)
        lines = (_exchange_lines(pair, exchange, market, candles) for pair, market, candles in given)
        self._bucket.write_lines(itertools.chain.from_iterable(lines))

    def write_merged(self, merged: Mapping[str, MergedCandles]) -> None:
        """Write the merged candles of pairs."""
        self._delete_outdated(
            CANDLES, {pair: NewPoints(own.candles.open_time_ms, own.columns) for pair, own in merged.items()}
        )
        self._bucket.write_lines(itertools.chain.from_iterable(_merged_lines(*item) for item in merged.items()))

    def delete_merged(self, currency_pair: str, windows: Sequence[Window]) -> None:
        """Delete the merged candles of a pair in `windows`."""
        delete_windows(self._bucket, CANDLES, currency_pair, union(windows))

    def delete_merged_at(self, times_ms: Mapping[str, Times]) -> None:
        """Delete the merged candles that are stored at these open times, by pair."""
        gone = {pair: NewPoints(times, {}) for pair, times in times_ms.items()}
        delete_outdated(self._bucket, CANDLES, gone, field_in({"close"}))

    def _delete_outdated(self, measurement: str, new: Mapping[str, NewPoints], exchange: str = "") -> None:
        """Delete the stored candles with a field that the new ones lack."""
        lacking = {pair: points for pair, points in new.items() if points.lacking_fields}
        fields = {name for points in lacking.values() for name in points.lacking_fields}
        delete_outdated(self._bucket, measurement, lacking, field_in(fields), exchange)

    def read_exchange_candles(self, currency_pair: str, exchanges: Sequence[str], window: Window) -> dict[str, Candles]:
        """Return the stored candles of each of `exchanges`; empty ones for an exchange without any."""
        return {name: self._read_candles(currency_pair, name, window) for name in exchanges}

    def _read_candles(self, currency_pair: str, exchange: str, window: Window) -> Candles:
        """Read one exchange at a time: the response for a month of minutes is 10 MB."""
        body = self._bucket.query_csv(_READ, currency_pair=currency_pair, exchange=exchange, **flux_range(window))
        try:
            return candles_from_csv(body)
        except ValueError as error:
            raise unreadable_candles(currency_pair, exchange, window, error) from None

    def read_merged(self, currency_pair: str, window: Window) -> MergedCandles:
        """Return the merged candles of a pair."""
        params = {"currency_pair": currency_pair, **flux_range(window)}
        try:
            columns = read_columns(self._bucket.query_csv(_READ_MERGED, **params))
            extra = {name: columns.pop(name, None) for name in ("vwap", "trade_count")}
            candles = candles_from_columns(columns)
            vwap, trade_count = (column_at(candles.open_time_ms, column) for column in extra.values())
        except ValueError as error:
            raise StoredCandlesError(f"InfluxDB, merged candles of {currency_pair}, {window}: {error}") from None
        sources = [row["_value"] for row in self._bucket.query(_READ_SOURCES, **params)]
        if len(sources) != len(candles):
            raise StoredCandlesError(
                f"InfluxDB, merged candles of {currency_pair}, {window}: they changed while being read"
            )
        counts = np.array([text.count(",") + 1 for text in sources], dtype=np.int64)
        return MergedCandles(candles, counts, sources, vwap, trade_count)

    def last_markets(self, exchange: str) -> dict[str, str]:
        """Return, by pair, the market (`BTC/USDT`) of the exchange's latest candle."""
        rows = self._bucket.query(_LAST_MARKETS, exchange=exchange)
        return {row["currency_pair"]: row["_value"] for row in rows}

    def has_candle_before(self, currency_pair: str, exchange: str, time_ms: int) -> bool:
        """Tell whether a candle of the exchange with an earlier open time is stored."""
        window = Window(0, max(1, time_ms))
        return bool(self._bucket.query(_FIRST, currency_pair=currency_pair, exchange=exchange, **flux_range(window)))

    def merged_span(self, currency_pair: str, window: Window) -> tuple[int, int | None, int | None]:
        """Return the number of merged candles in the window, and the first and last open time in ms."""
        rows = self._bucket.query(_SPAN, currency_pair=currency_pair, **flux_range(window))
        found = {row["what"]: int(row["value"]) for row in rows}
        first, last = (found[key] // NS_PER_MS if key in found else None for key in ("first", "last"))
        return found.get("count", 0), first, last


def unreadable_candles(currency_pair: str, exchange: str, window: Window, error: ValueError) -> StoredCandlesError:
    """Return the error for stored candles of an exchange that this program cannot have written as they are."""
    return StoredCandlesError(
        f"InfluxDB, {EXCHANGE_CANDLES} of {currency_pair} @ {exchange}, {window}: {error}; delete these points, and "
        "run the window again with refetch"
    )


def _exchange_lines(currency_pair: str, exchange: str, market: str, candles: Candles) -> Iterator[str]:
    series = f"{EXCHANGE_CANDLES},currency_pair={escaped_tag(currency_pair)},exchange={escaped_tag(exchange)}"
    further = itertools.repeat(f'market="{escaped_field(market)}"', len(candles))
    return candle_lines(series, candles, further)


def _merged_lines(currency_pair: str, merged: MergedCandles) -> Iterator[str]:
    origins = list(zip(merged.exchange_count.tolist(), merged.source_exchanges, strict=True))
    # There are few combinations, so each text is built once.
    texts = {
        origin: f'exchange_count={origin[0]}i,source_exchanges="{escaped_field(origin[1])}"' for origin in set(origins)
    }
    further = with_columns(merged.columns, (texts[origin] for origin in origins))
    return candle_lines(f"{CANDLES},currency_pair={escaped_tag(currency_pair)}", merged.candles, further)
