"""An exchange, a market or a symbol that was there before and is not now: reported, and nothing merged is removed."""

from __future__ import annotations

import json

import pytest

from candle_ingest.candles.window import HOUR_MS, MINUTE_MS, Window
from candle_ingest.connections import connect_influxdb
from candle_ingest.errors import ConfigurationError
from candle_ingest.ledger.minute_state import MinuteState
from candle_ingest.store.bucket import InfluxBucket
from tests.integration.steps import (
    DAY,
    THREE,
    day_records,
    everything,
    forget_markets,
    merged_truth,
    run_steps,
    stored,
    truth,
    watermarks,
    with_settings,
)

pytestmark = pytest.mark.integration
NOW_MS = DAY.end_ms + 60_000
MORNING, NOON = Window(DAY.start_ms, DAY.start_ms + 6 * HOUR_MS), Window(DAY.start_ms + 6 * HOUR_MS, DAY.end_ms)


@pytest.fixture
def settings(make_settings):
    """At par: markets of rates have tests of their own, and would be half of the requests here."""
    return make_settings(THREE, quote_conversion="par")


def markets(settings, exchange: str) -> set[str]:
    flux = """
    from(bucket: bucket) |> range(start: 0)
      |> filter(fn: (r) => r._measurement == "exchange_candles" and r._field == "market" and r.exchange == exchange)
      |> filter(fn: (r) => r.currency_pair == "BTC/USD")
    """
    with InfluxBucket(connect_influxdb(), settings.influxdb_bucket) as bucket:
        return {row["_value"] for row in bucket.query(flux, exchange=exchange)}


def test_an_exchange_that_fails_in_catch_up_stays_in_candles_merged_again(settings, exchanges):
    settings = with_settings(settings, min_exchanges_required=2)
    run_steps(settings, "backfill", MORNING, NOW_MS)
    exchanges.set_fault("kucoin", "status", status=503, path="candles")
    run_steps(settings, "catch_up", NOON, NOW_MS)
    expected = merged_truth(THREE, MORNING, par=True) + merged_truth(THREE[:2], NOON, par=True)
    assert stored(settings.influxdb_bucket, "candles", "BTC/USD") == expected


def test_a_refetch_that_fails_takes_no_exchange_out_and_is_no_success(settings, exchanges):
    settings = with_settings(settings, min_exchanges_required=2)
    run_steps(settings, "backfill", MORNING, NOW_MS)
    before = everything(settings.influxdb_bucket)
    exchanges.set_fault("kucoin", "status", status=503, path="candles")
    again = run_steps(settings, "backfill", MORNING, NOW_MS, {"refetch": True})
    assert "are those that were there before; failed: kucoin" in str(again.incomplete)
    assert everything(settings.influxdb_bucket) == before


def test_a_refetch_that_is_killed_fails_the_run_and_says_so(settings, exchanges):
    run_steps(settings, "backfill", MORNING, NOW_MS)
    again = run_steps(settings, "backfill", MORNING, NOW_MS, {"refetch": True}, killed=["kucoin"])
    assert "are those that were there before; failed: kucoin" in str(again.incomplete)


def test_a_halted_market_goes_on_to_serve_the_pair_that_its_candles_are_of(settings, exchanges, redis_server, caplog):
    settings = with_settings(settings, exchanges=("coinbaseexchange",))
    run_steps(settings, "backfill", MORNING, NOW_MS)
    exchanges.set_fault("coinbaseexchange", "halted", market="BTC/USD")
    forget_markets(redis_server)
    run_steps(settings, "backfill", NOON, NOW_MS)
    assert "coinbaseexchange: trading in BTC/USD is halted; its candles are still requested" in caplog.text
    assert markets(settings, "coinbaseexchange") == {"BTC/USD"}
    assert stored(settings.influxdb_bucket, "candles", "BTC/USD") == truth("coinbaseexchange", DAY)


def test_a_market_that_is_halted_before_its_first_candle_is_not_used(settings, exchanges):
    settings = with_settings(settings, exchanges=("coinbaseexchange",))
    exchanges.set_fault("coinbaseexchange", "halted", market="BTC/USD")
    run_steps(settings, "backfill", MORNING, NOW_MS)
    assert markets(settings, "coinbaseexchange") == {"BTC/USDT"}


def test_a_symbol_that_drops_out_fails_the_run_and_one_that_never_was_in_does_not(settings, exchanges, redis_server):
    redis_server.client().set("top_cryptocurrencies", json.dumps(["btcusd", "ethusd", "nosuchusd"]))
    settings = with_settings(settings, exchanges=("binance", "kucoin"), quote_equivalents={"USD": ("USD", "USDT")})
    assert run_steps(settings, "backfill", MORNING, NOW_MS, origin_ms=DAY.start_ms).incomplete is None
    exchanges.set_fault("kucoin", "gone", market="ETH/USDT")
    forget_markets(redis_server)
    later = run_steps(settings, "backfill", NOON, NOW_MS, origin_ms=DAY.start_ms)
    said = "kucoin failed: kucoin no longer lists ETH/USDT, the market of the candles so far"
    assert said in str(later.incomplete)
    assert "NOSUCH" not in str(later.incomplete)
    assert run_steps(settings, "backfill", NOON, NOW_MS, {"exchanges": ["kucoin"]}).incomplete is None
    assert len(stored(settings.influxdb_bucket, "candles", "BTC/USD")) == 1440
    assert watermarks(settings.influxdb_bucket, "ethusd-backfill") == {"ethusd-backfill": MORNING.end_ms - MINUTE_MS}


def test_an_exchange_without_a_market_list_is_open_and_the_run_not_complete(settings, exchanges, redis_server):
    settings = with_settings(settings, min_exchanges_required=2)
    run_steps(settings, "backfill", MORNING, NOW_MS)
    exchanges.set_fault("kucoin", "status", status=503)
    forget_markets(redis_server)
    later = run_steps(settings, "backfill", DAY, NOW_MS)
    expected = merged_truth(THREE, MORNING, par=True) + merged_truth(THREE[:2], NOON, par=True)
    assert stored(settings.influxdb_bucket, "candles", "BTC/USD") == expected
    record = day_records(settings.influxdb_bucket)["BTC/USD", "kucoin", DAY.start_ms]
    assert record.windows_of([MinuteState.FAILED]) == [NOON]
    assert "its list of markets could not be fetched" in record.stretches[0].reason
    assert later.events == []
    exchanges.clear_faults()
    run_steps(settings, "repair", None, NOW_MS + 2 * HOUR_MS)
    assert stored(settings.influxdb_bucket, "candles", "BTC/USD") == merged_truth(THREE, DAY, par=True)


def test_a_better_quote_that_appears_changes_nothing_and_is_told(settings, exchanges, redis_server, caplog):
    settings = with_settings(settings, exchanges=("coinbaseexchange",))
    exchanges.set_fault("coinbaseexchange", "gone", market="BTC/USD")
    run_steps(settings, "backfill", MORNING, NOW_MS)
    exchanges.clear_faults()
    forget_markets(redis_server)
    run_steps(settings, "backfill", NOON, NOW_MS)
    assert "BTC/USD keeps BTC/USDT, the market of its candles so far, although BTC/USD is listed" in caplog.text
    assert markets(settings, "coinbaseexchange") == {"BTC/USDT"}


def test_a_market_that_vanishes_is_told_and_not_replaced_by_another(settings, exchanges, redis_server):
    settings = with_settings(settings, exchanges=("coinbaseexchange", "binance"), min_exchanges_required=1)
    run_steps(settings, "backfill", MORNING, NOW_MS)
    exchanges.set_fault("coinbaseexchange", "gone", market="BTC/USD")
    forget_markets(redis_server)
    later = run_steps(settings, "backfill", NOON, NOW_MS)
    assert later.incomplete is None
    [sentence] = later.told
    assert "coinbaseexchange no longer lists BTC/USD, the market of the candles so far; BTC/USDT is another" in sentence
    assert markets(settings, "coinbaseexchange") == {"BTC/USD"}
    assert len(stored(settings.influxdb_bucket, "candles", "BTC/USD")) == 1440


def test_candles_of_another_length_are_refused_by_the_bucket(settings):
    run_steps(settings, "backfill", MORNING, NOW_MS)
    before = everything(settings.influxdb_bucket)
    for minutes in (60, 5):
        changed = with_settings(settings, candle_granularity_minutes=minutes)
        with pytest.raises(ConfigurationError, match=f"has candles of 1 minute, .* is {minutes}: give the pipeline"):
            run_steps(changed, "backfill", NOON, NOW_MS)
    assert everything(settings.influxdb_bucket) == before
