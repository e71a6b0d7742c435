"""Two pipelines of other symbols in one bucket: neither merges, reports or forgets what is the other's."""

from __future__ import annotations

import json

import pytest

from candle_ingest.candles.window import HOUR_MS, Window
from candle_ingest.errors.symbols import SymbolKeptError
from dev.exchange_simulator.coins import utc_ms
from tests.integration.steps import merged_truth, run_steps, stored, with_settings

pytestmark = pytest.mark.integration
DAY = Window(utc_ms("2026-03-10"), utc_ms("2026-03-11"))
NOW_MS = DAY.end_ms + 2 * HOUR_MS
THREE = ("binance", "coinbaseexchange", "kucoin")


@pytest.fixture
def three(make_settings, redis_server):
    """A pipeline of BTC/USD on three exchanges."""
    return make_settings(THREE, quote_conversion="par")


@pytest.fixture
def one(three, redis_server):
    """A pipeline of ETH/USD on one exchange, in the bucket of the other."""
    redis_server.client().set("others", json.dumps(["ethusd"]))
    return with_settings(
        three, name="other", exchanges=("coinbaseexchange",), redis_key_crypto_symbols="others", high_low="extremes"
    )


def test_a_repair_leaves_the_merged_days_of_the_other_pipeline_alone(three, one):
    run_steps(three, "backfill", DAY, NOW_MS, origin_ms=DAY.start_ms)
    run_steps(one, "backfill", DAY, NOW_MS, origin_ms=DAY.start_ms)
    for hour in (1, 2):
        run_steps(one, "repair", None, NOW_MS + hour * HOUR_MS, origin_ms=DAY.start_ms)
        assert stored(three.influxdb_bucket, "candles", "BTC/USD") == merged_truth(THREE, DAY, par=True)


def test_a_repair_leaves_unmerged_answers_to_their_own_pipeline(three, one):
    run_steps(three, "backfill", DAY, NOW_MS, origin_ms=DAY.start_ms, merge=False)
    run_steps(one, "backfill", DAY, NOW_MS, origin_ms=DAY.start_ms)
    run_steps(one, "repair", None, NOW_MS + HOUR_MS, origin_ms=DAY.start_ms)
    assert stored(three.influxdb_bucket, "candles", "BTC/USD") == []
    run_steps(three, "repair", None, NOW_MS + HOUR_MS, origin_ms=DAY.start_ms)
    assert stored(three.influxdb_bucket, "candles", "BTC/USD") == merged_truth(THREE, DAY, par=True)


def test_a_final_day_is_announced_by_its_own_pipeline(three, one):
    run_steps(three, "backfill", DAY, NOW_MS, origin_ms=DAY.start_ms, announce=False)
    assert run_steps(one, "repair", None, NOW_MS + HOUR_MS, origin_ms=DAY.start_ms).events == []
    [event] = run_steps(three, "repair", None, NOW_MS + HOUR_MS, origin_ms=DAY.start_ms).events
    assert [day["pair"] for day in event["days"]] == ["BTC/USD"]


def test_a_symbol_that_moves_to_the_other_pipeline_is_merged_by_its_settings(three, one, redis_server):
    run_steps(one, "backfill", DAY, NOW_MS, origin_ms=DAY.start_ms)
    run_steps(three, "repair", None, NOW_MS, origin_ms=DAY.start_ms)
    redis_server.client().set("top_cryptocurrencies", json.dumps(["btcusd", "ethusd"]))
    redis_server.client().delete("others")
    run_steps(three, "backfill", DAY, NOW_MS, origin_ms=DAY.start_ms)
    run_steps(three, "repair", None, NOW_MS + HOUR_MS, origin_ms=DAY.start_ms)
    assert stored(three.influxdb_bucket, "candles", "ETH/USD") == merged_truth(THREE, DAY, "ETH/USD", par=True)


def test_a_symbol_of_both_lists_stays_with_the_first_and_the_other_run_says_so(three, one, redis_server):
    run_steps(three, "backfill", DAY, NOW_MS, origin_ms=DAY.start_ms)
    redis_server.client().set("others", json.dumps(["btcusd", "ethusd"]))
    run = run_steps(one, "backfill", DAY, NOW_MS, origin_ms=DAY.start_ms)
    assert stored(three.influxdb_bucket, "candles", "BTC/USD") == merged_truth(THREE, DAY, par=True)
    assert stored(three.influxdb_bucket, "candles", "ETH/USD") == merged_truth(one.exchanges, DAY, "ETH/USD", par=True)
    assert "BTC/USD is left out: pipeline candle keeps it" in str(run.incomplete)
    assert run_steps(three, "repair", None, NOW_MS + HOUR_MS, origin_ms=DAY.start_ms).incomplete is None


def test_a_run_of_symbols_that_are_all_kept_elsewhere_is_refused(three, one):
    run_steps(three, "backfill", DAY, NOW_MS, origin_ms=DAY.start_ms)
    with pytest.raises(SymbolKeptError, match="'top_cryptocurrencies'; remove it there, or from 'others'"):
        run_steps(one, "backfill", DAY, NOW_MS, {"symbols": ["btcusd"]}, origin_ms=DAY.start_ms)
