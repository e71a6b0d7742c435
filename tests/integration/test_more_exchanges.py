"""A day of minutes from each of the further exchanges, through the steps of a run, on real servers."""

from __future__ import annotations

import pytest

from candle_ingest.exchanges import client, profiles
from candle_ingest.settings import PipelineSettings
from dev.exchange_simulator.markets import DOLLAR_EXCHANGES
from dev.exchange_simulator.process import SimulatorProcess
from dev.exchange_simulator.synthetic_market import true_candles
from tests.integration.steps import DAY, run_steps, stored, with_settings

pytestmark = pytest.mark.integration
NOW_MS = DAY.end_ms + 60_000
# 1440 minutes over the rows of a request.
CANDLE_CALLS = {"binanceus": 2, "coinbase": 5, "okx": 5, "bybit": 2, "bitstamp": 2, "gate": 2}
CANDLE_PATHS = ("klines", "candles", "kline", "ohlc", "candlesticks")


@pytest.fixture(scope="module")
def exchanges():
    """They keep to their published limits."""
    with SimulatorProcess(now_ms=NOW_MS) as simulator:
        yield simulator


@pytest.fixture
def settings(connections, influxdb_server, exchanges):
    exchanges.reset_requests()
    # At par: these tests count the requests of one exchange, and rates need some of others.
    return PipelineSettings(
        name="candle",
        exchanges=("okx",),
        settle_seconds=0,
        quote_conversion="par",
        influxdb_bucket=influxdb_server.new_bucket(),
    )


def truth(exchange: str) -> list[tuple]:
    symbol = "BTC/USD" if exchange in DOLLAR_EXCHANGES else "BTC/USDT"
    return true_candles(exchange, symbol, DAY.start_ms, DAY.end_ms)


def candle_calls(simulator: SimulatorProcess, exchange: str) -> int:
    counts = simulator.requests()[exchange]
    return sum(count["accepted"] for path, count in counts.items() if any(part in path for part in CANDLE_PATHS))


def rejected(simulator: SimulatorProcess) -> int:
    return sum(count["rejected"] for paths in simulator.requests().values() for count in paths.values())


@pytest.mark.parametrize("exchange", CANDLE_CALLS)
def test_a_day_equals_the_truth_in_the_fewest_calls_and_none_is_refused(settings, exchanges, exchange):
    settings = with_settings(settings, exchanges=(exchange,))
    result = run_steps(settings, "backfill", DAY, NOW_MS)
    assert (result.failed, result.incomplete) == ({}, None)
    assert stored(settings.influxdb_bucket, "exchange_candles", "BTC/USD", exchange) == truth(exchange)
    assert stored(settings.influxdb_bucket, "candles", "BTC/USD") == truth(exchange)
    assert (candle_calls(exchanges, exchange), rejected(exchanges)) == (CANDLE_CALLS[exchange], 0)


def test_all_of_them_together_are_merged(settings, exchanges):
    settings = with_settings(settings, exchanges=tuple(CANDLE_CALLS))
    result = run_steps(settings, "backfill", DAY, NOW_MS)
    assert (result.failed, result.incomplete) == ({}, None)
    assert result.written == {"BTC/USD": len({row[0] for exchange in CANDLE_CALLS for row in truth(exchange)})}
    assert result.requests == sum(CANDLE_CALLS.values())


@pytest.mark.parametrize("exchange", ["okx", "bybit"])
def test_an_exchange_that_is_not_in_the_table_gives_the_truth_too(settings, exchanges, monkeypatch, caplog, exchange):
    """One end is exclusive, the other inclusive: without a fact of either, no candle is lost."""
    others = {name: facts for name, facts in profiles.PROFILES.items() if name != exchange}
    monkeypatch.setattr(profiles, "PROFILES", others)
    client._warn_of_unknown_limits.cache_clear()
    settings = with_settings(settings, exchanges=(exchange,), allow_unverified_exchanges=(exchange,))
    result = run_steps(settings, "backfill", DAY, NOW_MS)
    assert (result.failed, result.incomplete) == ({}, None)
    assert stored(settings.influxdb_bucket, "exchange_candles", "BTC/USD", exchange) == truth(exchange)
    assert (candle_calls(exchanges, exchange), rejected(exchanges)) == (-(-1440 // 99), 0)
    assert caplog.text.count(f"{exchange}: its limits and the ends of its ranges are not known here") == 1
