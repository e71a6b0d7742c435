"""A recorded day of two exchanges, through HTTP, ccxt and InfluxDB, against values that this test computes itself."""

from __future__ import annotations

import csv
import gzip
import json
from fractions import Fraction
from pathlib import Path

import pytest

from candle_ingest.candles.window import Window
from candle_ingest.settings import PipelineSettings
from dev.exchange_simulator.coins import utc_ms
from dev.exchange_simulator.process import SimulatorProcess
from tests.integration.servers.environment import connection_variables
from tests.integration.steps import run_steps, stored

pytestmark = pytest.mark.integration
RECORDED = Path(__file__).parents[1] / "market_data"
FILES = {
    "binance": RECORDED / "binance_BTCBUSD_1m_20221213.csv.gz",
    "kucoin": RECORDED / "bybit_BTCUSDT_1m_20221213.csv.gz",
}
DAY = Window(utc_ms("2022-12-13"), utc_ms("2022-12-14"))


def recorded_rows(path: Path) -> dict[int, list[str]]:
    with gzip.open(path, "rt") as file:
        return {int(row[0]): row[1:] for row in list(csv.reader(file))[1:]}


def merged_by_hand() -> list[tuple]:
    """Return volume-weighted averages in exact fractions, minute by minute."""
    books = [recorded_rows(path) for path in FILES.values()]
    merged = []
    for minute in sorted(books[0] | books[1]):
        rows = [[Fraction(cell) for cell in book[minute]] for book in books if minute in book]
        volume = sum(row[4] for row in rows)
        prices = [sum(row[column] * row[4] for row in rows) / volume for column in range(4)]
        merged.append((minute, *map(float, prices), float(volume)))
    return merged


def test_a_recorded_day_is_merged_to_the_values_computed_by_hand(redis_server, influxdb_server, monkeypatch):
    with SimulatorProcess(
        recorded={f"{exchange}:BTC/USDT": path for exchange, path in FILES.items()}, now_ms=DAY.end_ms + 60_000
    ) as simulator:
        for name, value in connection_variables(redis_server, influxdb_server, simulator).items():
            monkeypatch.setenv(name, value)
        redis_server.client().flushdb()
        redis_server.client().set("top_cryptocurrencies", json.dumps(["btcusd"]))
        # At par: nobody has recorded the rates of that day.
        settings = PipelineSettings(
            name="candle",
            exchanges=tuple(FILES),
            influxdb_bucket=influxdb_server.new_bucket(),
            settle_seconds=0,
            quote_conversion="par",
        )
        result = run_steps(settings, "backfill", DAY, DAY.end_ms + 60_000)
    assert (result.failed, result.incomplete, result.written) == ({}, None, {"BTC/USD": 1440})
    found, expected = stored(settings.influxdb_bucket, "candles", "BTC/USD"), merged_by_hand()
    assert [row[0] for row in found] == [row[0] for row in expected]
    for have, want in zip(found, expected, strict=True):
        assert have == pytest.approx(want, rel=1e-13)
