"""The steps of a run on a real Redis, a real InfluxDB and simulated exchanges over HTTP."""

from __future__ import annotations

import json

import pytest

from candle_ingest.core.window import Window
from candle_ingest.settings import PipelineSettings
from include.exchange_simulator.coins import utc_ms
from include.exchange_simulator.process import SimulatorProcess
from include.exchange_simulator.synthetic_market import true_candles
from tests.integration.servers.environment import connection_variables
from tests.integration.steps import run_steps, stored

pytestmark = pytest.mark.integration
DAY = Window(utc_ms("2026-03-10"), utc_ms("2026-03-11"))
NOW_MS = DAY.end_ms + 60_000
FIVE = ("binance", "coinbaseexchange", "kraken", "kucoin", "htx")
MARKETS = {
    "binance": "BTC/USDT",
    "coinbaseexchange": "BTC/USD",
    "kraken": "BTC/USD",
    "kucoin": "BTC/USDT",
    "htx": "BTC/USDT",
}


@pytest.fixture(scope="module")
def exchanges():
    with SimulatorProcess(now_ms=NOW_MS, limits=False) as simulator:
        yield simulator


@pytest.fixture
def settings(redis_server, influxdb_server, exchanges, monkeypatch):
    """A pipeline on servers of its own; Redis lists BTC/USD."""
    for name, value in connection_variables(redis_server, influxdb_server, exchanges).items():
        monkeypatch.setenv(name, value)
    redis_server.client().flushdb()
    redis_server.client().set("top_cryptocurrencies", json.dumps(["btcusd"]))
    exchanges.clear_faults()
    exchanges.set_clock(NOW_MS)
    exchanges.reset_requests()
    yield PipelineSettings(
        name="candle", exchanges=FIVE, settle_seconds=0, influxdb_bucket=influxdb_server.new_bucket()
    )
    exchanges.clear_faults()


def truth(exchange: str, window: Window = DAY) -> list[tuple]:
    return true_candles(exchange, MARKETS[exchange], window.start_ms, window.end_ms)


def test_a_day_of_five_exchanges_equals_the_truth(settings):
    result = run_steps(settings, "backfill", DAY, NOW_MS)
    assert (result.failed, result.incomplete) == ({}, None)
    for exchange in FIVE:
        rows = stored(settings.influxdb_bucket, "exchange_candles", "BTC/USD", exchange)
        expected = truth(exchange)
        if exchange == "kraken":  # older minutes are built from trades: no trade, no candle
            expected = [row for row in expected if row[5] > 0 or row[0] >= DAY.end_ms - 700 * 60_000]
            rows = [row for row in rows if row[5] > 0 or row[0] >= DAY.end_ms - 700 * 60_000]
        assert rows == expected, exchange
