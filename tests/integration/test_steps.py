"""The steps of a run on a real Redis, a real InfluxDB and simulated exchanges over HTTP."""

from __future__ import annotations

import json
import re

import pytest

from candle_ingest.candles.candles import Candles
from candle_ingest.candles.resampling import resample
from candle_ingest.candles.timeframe import Timeframe
from candle_ingest.candles.window import DAY_MS, HOUR_MS, Window
from candle_ingest.connections import connect_influxdb
from candle_ingest.errors import TemporaryError
from dev.exchange_simulator.synthetic_market import true_candles
from tests.integration.steps import (
    DAY,
    THREE,
    everything,
    hours,
    market_of,
    merged_truth,
    run_steps,
    stored,
    truth,
    watermarks,
    with_settings,
)

pytestmark = pytest.mark.integration
NOW_MS = DAY.end_ms + 60_000
FIVE = ("binance", "coinbaseexchange", "kraken", "kucoin", "htx")


@pytest.fixture
def settings(make_settings):
    """At par: rates need three more markets (test_rates.py)."""
    return make_settings(FIVE, quote_conversion="par")


def test_a_day_of_five_exchanges_equals_the_truth(settings):
    result = run_steps(settings, "backfill", DAY, NOW_MS)
    assert result.failed == {}
    # Kraken was down for 164 minutes: its trades show no candle then, and that takes two looks a day apart.
    assert "164 candles are not merged, from 2026-03-10T08:39Z on: kraken silent" in str(result.incomplete)
    recent_ms = NOW_MS - 719 * 60_000
    for exchange in FIVE:
        # Kraken's older minutes are built from trades: no trade, no candle.
        expected = [row for row in truth(exchange, DAY) if exchange != "kraken" or row[5] > 0 or row[0] >= recent_ms]
        assert stored(settings.influxdb_bucket, "exchange_candles", "BTC/USD", exchange) == expected, exchange


def test_a_symbol_in_chinese_is_fetched_and_merged_beside_others(settings, redis_server):
    pairs, window = ("BTC/USDT", "币安人生/USDT"), hours(20, 22)
    redis_server.client().set("top_cryptocurrencies", json.dumps(pairs, ensure_ascii=False))
    settings = with_settings(settings, exchanges=("binance", "gate"))
    for _ in range(2):
        result = run_steps(settings, "backfill", window, NOW_MS)
        assert (result.failed, result.incomplete) == ({}, None)
    for pair in pairs:
        for exchange in settings.exchanges:
            found = stored(settings.influxdb_bucket, "exchange_candles", pair, exchange)
            assert found == true_candles(exchange, pair, window.start_ms, window.end_ms)
        assert len(stored(settings.influxdb_bucket, "candles", pair)) == 120


def test_days_of_kraken_half_a_year_ago_are_built_from_trades_minute_by_minute(settings, exchanges):
    later_ms = DAY.end_ms + 180 * DAY_MS
    exchanges.set_clock(later_ms)
    days = Window(DAY.start_ms - DAY_MS, DAY.end_ms)
    settings = with_settings(settings, exchanges=("kraken",))
    assert run_steps(settings, "backfill", days, later_ms).failed == {}
    traded = [row for row in truth("kraken", days) if row[5] > 0]
    # The last answer reaches beyond the window: its trades need not be asked for again.
    found = stored(settings.influxdb_bucket, "exchange_candles", "BTC/USD", "kraken")
    assert [row for row in found if row[0] < days.end_ms] == traded
    assert "/0/public/OHLC" not in exchanges.requests()["kraken"]


def test_the_merge_equals_the_merge_of_the_truth_and_names_its_exchanges(settings):
    settings = with_settings(settings, exchanges=THREE, quote_conversion="observed")
    result = run_steps(settings, "backfill", DAY, NOW_MS)
    assert stored(settings.influxdb_bucket, "candles", "BTC/USD") == merged_truth(THREE, DAY)
    assert result.written == {"BTC/USD": len(merged_truth(THREE, DAY))}


def test_a_second_run_asks_for_nothing_and_changes_nothing(settings):
    settings = with_settings(settings, exchanges=THREE, quote_conversion="observed")
    run_steps(settings, "backfill", hours(0, 6), NOW_MS)
    before = everything(settings.influxdb_bucket)
    again = run_steps(settings, "backfill", hours(0, 6), NOW_MS)
    assert (again.requests, again.incomplete) == (0, None)
    assert everything(settings.influxdb_bucket) == before


def test_refetch_asks_for_everything_again_and_ends_in_the_same_points(settings):
    settings = with_settings(settings, exchanges=THREE, quote_conversion="observed")
    first = run_steps(settings, "backfill", hours(0, 6), NOW_MS)
    before = everything(settings.influxdb_bucket)
    again = run_steps(settings, "backfill", hours(0, 6), NOW_MS, {"refetch": True})
    assert again.requests == first.requests > 0
    assert everything(settings.influxdb_bucket) == before


def test_each_exchange_is_asked_the_fewest_times(settings, exchanges):
    four = ("binance", "coinbaseexchange", "kucoin", "htx")
    run_steps(with_settings(settings, exchanges=four, quote_conversion="observed"), "backfill", DAY, NOW_MS)
    asked = exchanges.requests()
    calls = {
        exchange: sum(count["accepted"] for path, count in paths.items() if re.search("candles|klines|ohlc", path))
        for exchange, paths in asked.items()
    }
    # The rate of USDT comes from coinbaseexchange, bitstamp and, from its trades, kraken.
    assert calls == {"binance": 2, "coinbaseexchange": 5 + 5, "kucoin": 1, "htx": 2, "bitstamp": 2, "kraken": 0}


@pytest.mark.parametrize(
    ("exchange", "minutes", "timeframe"),
    [
        ("coinbaseexchange", 30, "30m"),
        ("coinbaseexchange", 480, "8h"),
        ("htx", 1440, "1d"),
        ("kucoin", 1440, "1d"),
        ("kraken", 3, "3m"),
        ("kraken", 720, "12h"),
    ],
)
def test_a_granularity_that_an_exchange_lacks_is_built_exactly(settings, exchange, minutes, timeframe):
    window = Window(DAY.start_ms - DAY_MS, DAY.end_ms)
    settings = with_settings(settings, exchanges=(exchange,), candle_granularity_minutes=minutes)
    assert run_steps(settings, "backfill", window, NOW_MS).failed == {}
    # The simulator counts htx's days from Singapore's midnight: its hours make up the days in UTC.
    hours_of = {"htx": "1h"}.get(exchange, "1m")
    rows = true_candles(exchange, market_of(exchange), window.start_ms, window.end_ms, hours_of)
    built = resample(Candles.from_rows(rows), Timeframe(minutes)).rows()
    # Kraken's older candles are built from trades: no trade, no candle.
    expected = [row for row in built if exchange != "kraken" or row[5] > 0 or row[0] >= NOW_MS - 719 * 60_000]
    assert stored(settings.influxdb_bucket, "exchange_candles", "BTC/USD", exchange) == expected
    if exchange != "htx":
        assert built == true_candles(exchange, market_of(exchange), window.start_ms, window.end_ms, timeframe)


def test_what_overlaps_is_asked_for_once(settings):
    settings = with_settings(settings, exchanges=("coinbaseexchange",))
    assert run_steps(settings, "backfill", hours(0, 5), NOW_MS).requests == 1
    assert run_steps(settings, "backfill", hours(0, 10), NOW_MS).requests == 1
    assert stored(settings.influxdb_bucket, "candles", "BTC/USD") == truth("coinbaseexchange", hours(0, 10))


def test_one_exchange_down_leaves_its_symbol_unwritten_and_says_so(settings, exchanges, redis_server):
    redis_server.client().set("top_cryptocurrencies", json.dumps(["btcusd", "ethusd"]))
    settings = with_settings(settings, exchanges=("binance", "coinbaseexchange"))
    exchanges.set_fault("coinbaseexchange", "status", status=500, path="ETH-USD")
    broken = run_steps(settings, "backfill", hours(0, 2), NOW_MS)
    assert len(stored(settings.influxdb_bucket, "candles", "BTC/USD")) == 120
    waiting = "ETH/USD: 120 candles are not merged, from 2026-03-10T00:00Z on: coinbaseexchange failed: "
    assert waiting in str(broken.incomplete)
    assert stored(settings.influxdb_bucket, "candles", "ETH/USD") == []
    assert "ethusd-backfill" not in watermarks(settings.influxdb_bucket, "ethusd-backfill")
    exchanges.clear_faults()
    repaired = run_steps(settings, "backfill", hours(0, 2), NOW_MS)
    assert (repaired.requests, repaired.incomplete) == (1, None)
    assert len(stored(settings.influxdb_bucket, "candles", "ETH/USD")) == 120


def test_enough_exchanges_are_enough(settings, exchanges, caplog):
    settings = with_settings(settings, exchanges=THREE, min_exchanges_required=2)
    exchanges.set_fault("kucoin", "status", status=500, path="candles")
    result = run_steps(settings, "backfill", hours(0, 2), NOW_MS)
    assert result.incomplete is None
    assert stored(settings.influxdb_bucket, "candles", "BTC/USD") == merged_truth(THREE[:2], hours(0, 2), par=True)
    assert "BTC/USD is merged without kucoin" in caplog.text


@pytest.mark.parametrize("body", ["html", "empty", "json"])
@pytest.mark.parametrize("exchange", FIVE)
def test_an_answer_that_is_not_candles_never_passes_for_quiet_minutes(settings, exchanges, exchange, body):
    settings = with_settings(settings, exchanges=(exchange,))
    run_steps(settings, "backfill", hours(22, 23), NOW_MS)  # so that the markets are cached
    exchanges.set_fault(exchange, "body", body=body)
    result = run_steps(settings, "backfill", hours(23, 24), NOW_MS)
    assert list(result.failed) == [f"BTC/USD @ {exchange}"]
    assert result.written == {}


@pytest.mark.parametrize("kind", ["null", "nan", "negative", "high_below_low", "seconds_timestamps"])
def test_wrong_rows_are_never_stored_and_leave_their_minutes_open(settings, exchanges, kind):
    settings = with_settings(settings, exchanges=("binance",))
    exchanges.set_fault("binance", kind, path="klines")
    result = run_steps(settings, "backfill", hours(0, 2), NOW_MS)
    assert "BTC/USD: " in str(result.incomplete)
    assert set(stored(settings.influxdb_bucket, "exchange_candles", "BTC/USD", "binance")) <= set(
        truth("binance", hours(0, 2))
    )
    exchanges.clear_faults()
    assert run_steps(settings, "backfill", hours(0, 2), NOW_MS).incomplete is None
    assert stored(settings.influxdb_bucket, "candles", "BTC/USD") == merged_truth(["binance"], hours(0, 2), par=True)


def test_rows_less_than_a_candle_after_their_slot_are_placed_in_it(settings, exchanges):
    settings = with_settings(settings, exchanges=("binance",))
    exchanges.set_fault("binance", "off_grid", path="klines")
    assert run_steps(settings, "backfill", hours(0, 2), NOW_MS).incomplete is None
    assert stored(settings.influxdb_bucket, "candles", "BTC/USD") == merged_truth(["binance"], hours(0, 2), par=True)


def test_a_connection_cut_in_an_answer_is_asked_for_again(settings, exchanges):
    settings = with_settings(settings, exchanges=("binance",))
    for kind, details in (("reset", {"when": "middle"}), ("truncate", {}), ("status", {"status": 503})):
        exchanges.set_fault("binance", kind, path="klines", count=1, **details)
    result = run_steps(settings, "backfill", hours(0, 2), NOW_MS)
    assert (result.failed, result.requests) == ({}, 4)
    assert stored(settings.influxdb_bucket, "candles", "BTC/USD") == merged_truth(["binance"], hours(0, 2), par=True)


def test_a_dry_run_writes_nothing_anywhere(settings, redis_server):
    settings = with_settings(settings, exchanges=THREE, quote_conversion="observed", influxdb_bucket="never_made")
    client = redis_server.client()
    before = {key: (client.dump(key), client.ttl(key)) for key in client.scan_iter()}
    result = run_steps(settings, "backfill", hours(0, 2), NOW_MS, {"run_mode": "dry"})
    assert result.written == {"BTC/USD": len(merged_truth(THREE, hours(0, 2)))}
    assert {key: (client.dump(key), client.ttl(key)) for key in client.scan_iter()} == before
    with connect_influxdb() as influxdb:
        assert influxdb.buckets_api().find_bucket_by_name("never_made") is None


def test_catch_up_fills_two_hours_without_a_scheduler_in_one_run(settings, exchanges):
    settings = with_settings(settings, exchanges=THREE, catch_up_initial_days=1)
    noon = DAY.start_ms + 12 * HOUR_MS
    exchanges.set_clock(noon)
    run_steps(settings, "catch_up", Window(noon - 300_000, noon), noon)
    exchanges.set_clock(noon + 2 * HOUR_MS)
    result = run_steps(
        settings, "catch_up", Window(noon + 2 * HOUR_MS - 300_000, noon + 2 * HOUR_MS), noon + 2 * HOUR_MS
    )
    whole = Window(noon - 24 * HOUR_MS, noon + 2 * HOUR_MS)
    assert result.incomplete is None
    assert stored(settings.influxdb_bucket, "candles", "BTC/USD") == merged_truth(THREE, whole, par=True)
    assert watermarks(settings.influxdb_bucket, "btcusd-catch_up", "BTC_USD_latest_ingested_ts") == {
        "btcusd-catch_up": whole.end_ms - 60_000,
        "BTC_USD_latest_ingested_ts": whole.end_ms - 60_000,
    }


def test_the_watermark_waits_before_a_hole_and_then_passes_all_that_is_there(settings):
    settings = with_settings(settings, exchanges=("binance",))
    for later in (hours(4, 6), hours(2, 4)):
        run_steps(settings, "backfill", later, NOW_MS, origin_ms=DAY.start_ms)
        assert watermarks(settings.influxdb_bucket, "btcusd-backfill") == {}
    run_steps(settings, "backfill", hours(0, 2), NOW_MS, origin_ms=DAY.start_ms)
    assert watermarks(settings.influxdb_bucket, "btcusd-backfill") == {"btcusd-backfill": hours(0, 6).end_ms - 60_000}
    run_steps(settings, "backfill", hours(0, 1), NOW_MS, {"refetch": True}, origin_ms=DAY.start_ms)
    assert watermarks(settings.influxdb_bucket, "btcusd-backfill") == {"btcusd-backfill": hours(0, 6).end_ms - 60_000}


def test_an_exchange_that_cannot_be_reached_holds_the_merge_back_and_no_other_fetch(settings, exchanges):
    exchanges.set_fault("kucoin", "status", status=503)
    result = run_steps(with_settings(settings, exchanges=THREE), "backfill", hours(0, 1), NOW_MS)
    assert "kucoin failed: its list of markets could not be fetched: " in str(result.incomplete)
    assert len(stored(settings.influxdb_bucket, "exchange_candles", "BTC/USD", "binance")) == 60
    assert stored(settings.influxdb_bucket, "candles", "BTC/USD") == []


def test_with_no_exchange_to_be_reached_the_run_fails_and_may_be_retried(settings, exchanges):
    exchanges.set_fault("kucoin", "status", status=503)
    with pytest.raises(TemporaryError, match=r"requirement of 1: .* on kucoin; kucoin cannot be"):
        run_steps(with_settings(settings, exchanges=("kucoin",)), "backfill", hours(0, 1), NOW_MS)


def test_validation_says_what_it_found(settings, redis_server, caplog):
    caplog.set_level("INFO", "candle_ingest")
    redis_server.client().set("top_cryptocurrencies", json.dumps(["btcusd", "nosuchusd", "b@d"]))
    run_steps(with_settings(settings, exchanges=("binance", "coinbasepro", "kucoin")), "backfill", hours(0, 1), NOW_MS)
    for line in (
        "Multi-exchange mode: using 3 exchanges with binance as primary",
        "coinbasepro is called coinbaseexchange in ccxt now",
        "Auto-detected min_exchanges_required: 3",
        "merged once every exchange that lists its symbol has answered: binance, coinbaseexchange, kucoin; with a",
        "Symbol validation: 1/2 symbols meet minimum 1 exchange requirement",
        "Left out: 'b@d' is not a symbol",
        "Successfully processed 60 candles for BTC/USD",
    ):
        assert line in caplog.text


def test_markets_are_loaded_once_by_all_runs(settings, exchanges):
    settings = with_settings(settings, exchanges=("binance",))
    run_steps(settings, "backfill", hours(0, 1), NOW_MS)
    run_steps(settings, "backfill", hours(1, 2), NOW_MS)
    assert exchanges.requests()["binance"]["/api/v3/exchangeInfo"]["accepted"] == 1
