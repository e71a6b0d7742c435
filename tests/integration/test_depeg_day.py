"""The depeg weekend of USDC through the real pipeline: recorded exchanges over HTTP, ccxt, InfluxDB."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from candle_ingest.candles.window import MINUTE_MS, Window
from candle_ingest.connections import connect_influxdb
from candle_ingest.settings import PipelineSettings
from candle_ingest.store.bucket import InfluxBucket
from candle_ingest.store.candle_store import CandleStore
from candle_ingest.store.quality_store import QualityStore
from dev.exchange_simulator.coins import utc_ms
from dev.exchange_simulator.process import SimulatorProcess
from tests.integration.servers.environment import connection_variables
from tests.integration.steps import run_steps, stored, with_settings

pytestmark = pytest.mark.integration
RECORDED = Path(__file__).parents[1] / "market_data"
# binance's own BTC/USDT is served as binanceus: of one exchange only one market stands for a pair.
# The rate on kraken is that of binance too.
MARKETS = {
    "binance:BTC/USDC": "BTCUSDC",
    "binance:USDC/USDT": "USDCUSDT",
    "kraken:USDC/USDT": "USDCUSDT",
    "binanceus:BTC/USDT": "BTCUSDT",
}
DAY = Window(utc_ms("2023-03-12"), utc_ms("2023-03-13"))
TRADED = Window(DAY.start_ms + 390 * MINUTE_MS, DAY.end_ms)
WICK_MS = utc_ms("2023-03-12") + (23 * 60 + 23) * MINUTE_MS
NOW_MS = DAY.end_ms + 3 * 3_600_000


@pytest.fixture
def settings(redis_server, influxdb_server, monkeypatch):
    recorded = {market: RECORDED / f"binance_{name}_1m_20230312.csv.gz" for market, name in MARKETS.items()}
    with SimulatorProcess(recorded=recorded, now_ms=NOW_MS) as simulator:
        for name, value in connection_variables(redis_server, influxdb_server, simulator).items():
            monkeypatch.setenv(name, value)
        redis_server.client().flushdb()
        redis_server.client().set("top_cryptocurrencies", json.dumps(["btcusdt"]))
        yield PipelineSettings(
            name="candle",
            exchanges=("binance", "binanceus"),
            influxdb_bucket=influxdb_server.new_bucket(),
            settle_seconds=0,
            quote_conversion="observed",
            quote_equivalents={"USDT": ("USDC", "USDT")},
        )


def quality_of(settings):
    with InfluxBucket(connect_influxdb(), settings.influxdb_bucket) as bucket:
        return QualityStore(bucket).read("BTC/USDT", TRADED)


def merged_of(settings):
    with InfluxBucket(connect_influxdb(), settings.influxdb_bucket) as bucket:
        return CandleStore(bucket).read_merged("BTC/USDT", TRADED)


def percentiles(closes, settings):
    """Return median, 99th percentile and maximum distance in bp of traded closes from BTC/USDT."""
    reference = {
        row[0]: row[4] for row in stored(settings.influxdb_bucket, "exchange_candles", "BTC/USDT", "binanceus")
    }
    apart = [abs(np.log(close / reference[time])) * 1e4 for time, close in closes.items()]
    return np.percentile(apart, [50, 99, 100]).round(1).tolist()


def test_the_depeg_day_is_converted_at_observed_rates_and_its_wick_is_flagged(settings):
    result = run_steps(settings, "backfill", TRADED, NOW_MS)
    assert (result.failed, result.incomplete, result.written) == ({}, None, {"BTC/USDT": 1050})
    quality = quality_of(settings)
    assert quality.open_time_ms.tolist() == list(range(TRADED.start_ms, TRADED.end_ms, MINUTE_MS))

    rows = stored(settings.influxdb_bucket, "exchange_candles", "BTC/USDT", "binance")
    raw = {row[0]: row[4] for row in rows if row[5] > 0}
    rates = dict(zip(quality.open_time_ms.tolist(), quality.rates["USDC"].tolist(), strict=True))
    assert percentiles(raw, settings) == [494.1, 626.9, 786.4]
    assert percentiles({time: close * rates[time] for time, close in raw.items()}, settings) == [5.3, 44.9, 235.5]

    flagged = dict(zip(quality.open_time_ms.tolist(), quality.disputed, strict=True))
    assert flagged[WICK_MS] == "binance: high +38.5 %"
    assert {*quality.excluded, *quality.clamped} == {""}
    assert set(merged_of(settings).source_exchanges) == {"binance,binanceus"}


def test_par_merges_the_same_candles_again_without_a_request(settings):
    run_steps(settings, "backfill", DAY, NOW_MS)
    observed = merged_of(settings).candles.ohlcv[:, 3]
    par = with_settings(settings, quote_conversion="par")
    result = run_steps(par, "repair", None, NOW_MS)
    assert result.requests == 0
    at_par = merged_of(settings).candles.ohlcv[:, 3]
    assert np.abs(np.log(at_par / observed)).max() * 1e4 > 150
    run_steps(settings, "repair", None, NOW_MS)
    np.testing.assert_array_equal(merged_of(settings).candles.ohlcv[:, 3], observed)
    assert set(quality_of(settings).rates["USDC"].tolist()) != {1.0}
