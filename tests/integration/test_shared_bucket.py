"""Two pipelines of other symbols in one bucket: neither merges, reports or forgets what is the other's."""

from __future__ import annotations

import json

import pytest
import yaml

from candle_ingest.candles.window import HOUR_MS, Window
from candle_ingest.errors import IncompleteError
from candle_ingest.errors.symbols import SymbolKeptError
from candle_ingest.fetching.fetch_candles import fetch_candles
from candle_ingest.merging.aggregate_and_write import aggregate_and_write
from candle_ingest.planning.read_symbols import read_symbols
from candle_ingest.planning.run import make_run
from candle_ingest.planning.validate_symbols import validate_symbols
from dev.exchange_simulator.coins import utc_ms
from tests.integration.steps import merged_truth, run_steps, stored, with_settings

pytestmark = pytest.mark.integration
DAY = Window(utc_ms("2026-03-10"), utc_ms("2026-03-11"))
HOUR = Window(DAY.start_ms, DAY.start_ms + HOUR_MS)
NOW_MS = DAY.end_ms + 2 * HOUR_MS
THREE = ("binance", "coinbaseexchange", "kucoin")


@pytest.fixture
def three(make_settings, redis_server):
    """A pipeline of BTC/USD on three exchanges."""
    return make_settings(THREE, quote_conversion="par")


@pytest.fixture
def in_settings_file(tmp_path, monkeypatch):
    """`in_settings_file(first, second)`: let the settings file have these pipelines, in this order."""

    def write(*pipelines):
        names = {"exchanges", "influxdb_bucket", "redis_key_crypto_symbols", "quote_equivalents"}
        of_file = {each.name: each.model_dump(include=names, mode="json") for each in pipelines}
        (tmp_path / "pipelines.yaml").write_text(yaml.safe_dump({"pipelines": of_file}, sort_keys=False))
        monkeypatch.setenv("CANDLE_INGEST_CONFIG", str(tmp_path / "pipelines.yaml"))

    return write


@pytest.fixture
def both_listed(three, one, redis_server, in_settings_file):
    """Both pipelines are in the settings file, and BTC/USD is in the lists of both."""
    redis_server.client().set("others", json.dumps(["btcusd", "ethusd"]))
    in_settings_file(three, one)


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
    run_steps(three, "backfill", DAY, NOW_MS, origin_ms=DAY.start_ms)
    run_steps(three, "repair", None, NOW_MS + HOUR_MS, origin_ms=DAY.start_ms)
    assert stored(three.influxdb_bucket, "candles", "ETH/USD") == merged_truth(THREE, DAY, "ETH/USD", par=True)


@pytest.mark.usefixtures("both_listed")
def test_a_symbol_of_both_lists_is_left_to_the_first_pipeline_and_named(three, one):
    run = run_steps(one, "backfill", DAY, NOW_MS, origin_ms=DAY.start_ms)
    run_steps(three, "backfill", DAY, NOW_MS, origin_ms=DAY.start_ms)
    assert stored(three.influxdb_bucket, "candles", "BTC/USD") == merged_truth(THREE, DAY, par=True)
    assert stored(three.influxdb_bucket, "candles", "ETH/USD") == merged_truth(one.exchanges, DAY, "ETH/USD", par=True)
    assert "BTC/USD is left out: pipeline candle, which comes first in the settings file" in str(run.incomplete)


@pytest.mark.usefixtures("both_listed")
def test_a_run_of_symbols_that_are_all_kept_elsewhere_is_refused(one):
    with pytest.raises(SymbolKeptError, match="'top_cryptocurrencies'; remove it there, or from 'others'"):
        run_steps(one, "backfill", DAY, NOW_MS, {"symbols": ["btcusd"]}, origin_ms=DAY.start_ms)


@pytest.mark.usefixtures("both_listed")
@pytest.mark.parametrize("content", ["", "[btcusd]"])
def test_a_list_that_cannot_be_read_gives_no_symbol_away(three, one, redis_server, content):
    run_steps(three, "backfill", HOUR, NOW_MS, origin_ms=DAY.start_ms)
    redis_server.client().set("top_cryptocurrencies", content)
    run = run_steps(one, "backfill", HOUR, NOW_MS, origin_ms=DAY.start_ms)
    assert "had it when its list could last be read (Redis key 'top_cryptocurrencies'" in str(run.incomplete)
    assert stored(three.influxdb_bucket, "candles", "BTC/USD") == merged_truth(THREE, HOUR, par=True)


@pytest.mark.usefixtures("both_listed")
def test_a_run_planned_before_the_symbol_was_taken_over_merges_it_no_more(three, one, redis_server):
    redis_server.client().set("top_cryptocurrencies", json.dumps(["solusd"]))
    run = make_run(one, "backfill", {}, HOUR, DAY.start_ms, NOW_MS)
    plan = validate_symbols(run, read_symbols(run))
    summaries = [fetch_candles(run, batch) for batch in plan.batches]
    redis_server.client().set("top_cryptocurrencies", json.dumps(["btcusd"]))
    run_steps(three, "backfill", HOUR, NOW_MS, origin_ms=DAY.start_ms)
    with pytest.raises(IncompleteError, match="BTC/USD is left out: pipeline candle"):
        aggregate_and_write(run, plan, summaries)
    assert stored(three.influxdb_bucket, "candles", "BTC/USD") == merged_truth(THREE, HOUR, par=True)


def test_prices_follow_a_rate_that_the_other_pipeline_merges(make_settings, exchanges, redis_server, in_settings_file):
    converting = make_settings(("binance",))
    redis_server.client().set("others", json.dumps(["usdtusd"]))
    own_quotes_only = {"exchanges": ("coinbaseexchange",), "quote_equivalents": {"USD": ("USD",)}}
    other = with_settings(converting, name="other", redis_key_crypto_symbols="others", **own_quotes_only)
    in_settings_file(converting, other)
    exchanges.set_fault("coinbaseexchange", "status", status=503, path="USDT-USD")
    run_steps(converting, "backfill", DAY, NOW_MS, origin_ms=DAY.start_ms)
    exchanges.clear_faults()
    run_steps(other, "backfill", DAY, NOW_MS, origin_ms=DAY.start_ms)
    run_steps(converting, "repair", None, NOW_MS + HOUR_MS, origin_ms=DAY.start_ms)
    assert stored(converting.influxdb_bucket, "candles", "BTC/USD") == merged_truth(("binance",), DAY)
