"""What the tests of the page share: a day with a hole in a real Airflow, and what is stored of it."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from functools import cache

from candle_ingest.candles.window import DAY_MS, MINUTE_MS, Window
from candle_ingest.connections import connect_influxdb
from candle_ingest.ledger.day_record import RecordState
from candle_ingest.ledger.merged_day import NOT_MERGED, WITH_CANDLE, MergedDay, merged_day_fields
from candle_ingest.ledger.minute_state import CoverageCounts
from candle_ingest.store.bucket import InfluxBucket
from candle_ingest.store.line_protocol import escaped_field, escaped_tag
from dev.exchange_simulator.coins import COINS, utc_ms
from dev.exchange_simulator.process import SimulatorProcess
from tests.integration.servers.airflow_instance import AirflowInstance

EXCHANGES = ("binance", "coinbaseexchange", "kucoin")
# None of these markets is silent on it for more than two minutes.
DAY = Window(utc_ms("2026-03-11"), utc_ms("2026-03-12"))
BUCKET = "page"
SYMBOLS_KEY = "top_cryptocurrencies"
PIPELINES = f"""
pipelines:
  candle:
    exchanges: [{", ".join(EXCHANGES)}]
    backfill_start_date: skip
    catch_up_initial_days: 1
    influxdb_bucket: {BUCKET}
    task_retries: 0
  second: {{exchanges: [binance], backfill_start_date: skip, influxdb_bucket: not_there_yet}}
"""


def run_a_day_with_a_hole(airflow: AirflowInstance, simulator: SimulatorProcess) -> None:
    simulator.set_fault("coinbaseexchange", "status", status=500, path="ETH-USD")
    conf = {"start": "2026-03-11T00:00Z", "end": "2026-03-12T00:00Z"}
    airflow.wait_for_run("candle_backfill", airflow.trigger("candle_backfill", conf=conf, logical_date=None))
    airflow.pause("candle_backfill")
    simulator.clear_faults()
    # A DAG that is no longer paused makes the run of its last interval.
    airflow.unpause("candle_catch_up")
    airflow.wait_for_runs("candle_catch_up")
    airflow.pause("candle_catch_up")


def stored(measurement: str, currency_pair: str, window: Window, exchange: str = "") -> list[tuple]:
    """Return rows of (time_ms, open, high, low, close, volume), read with the test's own query."""
    flux = """
    from(bucket: bucket) |> range(start: time(v: start_ns), stop: time(v: stop_ns))
      |> filter(fn: (r) => r._measurement == measurement and r.currency_pair == pair)
      |> filter(fn: (r) => exchange == "" or r.exchange == exchange)
      |> pivot(rowKey: ["_time"], columnKey: ["_field"], valueColumn: "_value")
      |> map(fn: (r) => ({r with ns: int(v: r._time)}))
    """
    params = {"start_ns": window.start_ms * 1_000_000, "stop_ns": window.end_ms * 1_000_000}
    with InfluxBucket(connect_influxdb(), BUCKET) as bucket:
        rows = bucket.query(flux, measurement=measurement, pair=currency_pair, exchange=exchange, **params)
    names = ("open", "high", "low", "close", "volume")
    return sorted((int(row["ns"]) // 1_000_000, *(float(row[name]) for name in names)) for row in rows)


def seed_days(symbols: int, days: int) -> None:
    """Write merged days with the fields that are added up; here and there something is open."""
    _seed((pair, day, open_on(symbol, day)) for symbol, pair in enumerate(pairs(symbols)) for day in range(days))


def seed_yesterday(currency_pair: str, failed: int) -> None:
    """Write the merged day before today, of which `failed` minutes of one exchange are open."""
    _seed([(currency_pair, 1, failed)])


def _seed(days: Iterable[tuple[str, int, int]]) -> None:
    """Write merged days: pair, how many days ago, and how many minutes of one exchange are open."""
    today_ms = int(time.time() * 1000) // DAY_MS * DAY_MS
    lines = (
        f"merge_days,currency_pair={pair} {_merged_day(failed)} {today_ms - day * DAY_MS}" for pair, day, failed in days
    )
    with InfluxBucket(connect_influxdb(), BUCKET) as bucket:
        bucket.write_lines(lines)


@cache
def _merged_day(failed: int) -> str:
    """The fields of a day of which `failed` minutes of one exchange are open."""
    present = 1440 * len(EXCHANGES) - failed
    day = MergedDay(
        currency_pair="",
        day_ms=0,
        marks=bytes([NOT_MERGED]) * failed + bytes([WITH_CANDLE]) * (1440 - failed),
        state=RecordState.OPEN if failed else RecordState.FINAL,
        counts=CoverageCounts(expected=1440 * len(EXCHANGES), present=present, failed=failed),
        exchanges=len(EXCHANGES),
    )
    texts = (
        f'{name}="{escaped_field(value)}"' if isinstance(value, str) else f"{name}={value}i"
        for name, value in merged_day_fields(day).items()
    )
    return ",".join(texts)


def seed_watermarks(symbols: int) -> list[str]:
    """Let catch-up have come to the present with these symbols; returns their tickers."""
    now_ms = int(time.time() * 1000)
    last_ms = now_ms // MINUTE_MS * MINUTE_MS - 2 * MINUTE_MS
    tickers = [pair.replace("/", "").lower() for pair in pairs(symbols)]
    lines = (
        f"processing_state,service_identifier=candle_ingestor,key={ticker}-{kind} "
        f"last_processed_timestamp_ms={last_ms}i {now_ms}"
        for ticker in tickers
        for kind in ("backfill", "catch_up")
    )
    with InfluxBucket(connect_influxdb(), BUCKET) as bucket:
        bucket.write_lines(lines)
    return tickers


def pairs(count: int) -> list[str]:
    """Return pairs of real coins whose tickers need no separator, and as many others as needed."""
    coins = [*filter(str.isascii, COINS), *(f"Z{number:03}" for number in range(count))]
    return [f"{coin}/USD" for coin in coins[:count]]


def open_on(symbol: int, day: int) -> int:
    number = symbol * 367 + day * 11
    return 0 if number % 166 else (1, 20, 200, 1440)[number % 4]


def seed_minutes(currency_pair: str, window: Window, exchanges: Sequence[str] = EXCHANGES[:2]) -> None:
    """Write merged candles, and those of some exchanges, for each minute."""
    merged = f"candles,currency_pair={currency_pair}"
    own = [f"exchange_candles,currency_pair={currency_pair},exchange={escaped_tag(exchange)}" for exchange in exchanges]

    def lines() -> Iterator[str]:
        for number, time_ms in enumerate(range(window.start_ms, window.end_ms, MINUTE_MS)):
            close, candle = _minute(number % 977)
            yield f"{merged} {candle} {time_ms}"
            for series in own:
                yield f"{series} {close} {time_ms}"

    with InfluxBucket(connect_influxdb(), BUCKET) as bucket:
        bucket.write_lines(lines())


@cache
def _minute(number: int) -> tuple[str, str]:
    """The fields of an exchange's candle, and of a merged one."""
    price = 100 + number / 10
    close = f"close={price}"
    return close, f"open={price},high={price + 1},low={price - 1},{close},volume=2.5,exchange_count=2i"
