"""Observed rates, guard and identity check in the pipeline, against what the simulator's own rules give."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from candle_ingest.candles.window import DAY_MS, HOUR_MS, MINUTE_MS, Window
from candle_ingest.connections import connect_influxdb, connect_redis
from candle_ingest.ledger.day_record import RecordState
from candle_ingest.ledger.rate_pairs import possible_rate_pairs
from candle_ingest.ledger.work_index import OTHER_METHOD, WorkIndex
from candle_ingest.merging.rate_work import RateWork
from candle_ingest.planning.plan import Plan
from candle_ingest.planning.run import make_run
from candle_ingest.reports.coverage_days import Columns, read_coverage_rows
from candle_ingest.reports.coverage_hours import read_coverage_hours
from candle_ingest.reports.expected_coverage import ExpectedCoverage
from candle_ingest.reports.worst_minutes import read_worst_minutes
from candle_ingest.store.bucket import InfluxBucket
from candle_ingest.store.quality_store import QualityStore
from dev.exchange_simulator import merged_truth as oracle
from dev.exchange_simulator.coins import utc_ms
from dev.exchange_simulator.market_events import MarketEvent
from tests.integration.steps import day_records, merged_days, merged_truth, run_steps, stored, with_settings

pytestmark = pytest.mark.integration
# On this day and the one before no rate market is down for long.
DAY = Window(utc_ms("2026-03-08"), utc_ms("2026-03-09"))
NOW_MS = DAY.end_ms + 3 * HOUR_MS
FOUR = ("binance", "coinbaseexchange", "kraken", "bitstamp")
RATE_MARKETS = {("USDT/USD", name) for name in ("bitstamp", "coinbaseexchange", "kraken")}


@pytest.fixture
def settings(make_settings):
    return make_settings(FOUR)


def hours(first: float, last: float) -> Window:
    return Window(DAY.start_ms + int(first * HOUR_MS), DAY.start_ms + int(last * HOUR_MS))


def backfill(settings, window: Window):
    return run_steps(settings, "backfill", window, NOW_MS, origin_ms=DAY.start_ms)


def records(settings, window: Window = DAY):
    return day_records(settings.influxdb_bucket, window)


def merged_day(settings, day_ms: int = DAY.start_ms):
    return merged_days(settings.influxdb_bucket, Window(day_ms, day_ms + DAY_MS))["BTC/USD", day_ms]


def quality(settings, window: Window):
    with InfluxBucket(connect_influxdb(), settings.influxdb_bucket) as bucket:
        return QualityStore(bucket).read("BTC/USD", window)


def candles(settings):
    return stored(settings.influxdb_bucket, "candles", "BTC/USD")


def event(kind: str, window: Window, **details) -> MarketEvent:
    return MarketEvent(kind=kind, start_ms=window.start_ms, end_ms=window.end_ms, **details)


def told_by_oracle(window: Window, events) -> dict[int, oracle.MergedMinute]:
    """Return what the simulator's rules give for each minute."""
    markets = {name: "BTC/USDT" if name == "binance" else "BTC/USD" for name in FOUR}
    rules = oracle.MergeRules(history_start_ms=window.start_ms)
    return oracle.merged_truth("BTC/USD", markets, window.start_ms, window.end_ms, events, rules)


def test_a_depeg_is_converted_minute_by_minute(settings, exchanges):
    events = [event("depeg", hours(2, 4), currency="USDT", price_factor=0.95)]
    exchanges.add_events(events)
    assert backfill(settings, hours(0, 6)).incomplete is None
    told = told_by_oracle(hours(0, 6), events)
    assert candles(settings) == merged_truth(FOUR, hours(0, 6), events=events)
    found = quality(settings, hours(0, 6))
    rates = dict(zip(found.open_time_ms.tolist(), found.rates["USDT"].tolist(), strict=True))
    assert rates == {at: pytest.approx(minute.rates.get("USDT", math.nan), nan_ok=True) for at, minute in told.items()}
    assert rates[hours(3, 3).start_ms] == pytest.approx(0.95, abs=0.001)


def test_a_flash_crash_with_huge_volume_moves_the_merge_by_the_guard_at_most(settings, exchanges):
    crash = event("flash_crash", hours(2, 2.1), exchange="kraken", price_factor=0.125, volume_factor=500)
    exchanges.add_events([crash])
    backfill(settings, hours(0, 3))
    assert candles(settings) == merged_truth(FOUR, hours(0, 3), events=[crash])
    found = quality(settings, crash_window := hours(2, 2.1))
    assert [bool(text) for text in found.clamped] == [True] * 6
    calm = {row[0]: row for row in merged_truth(FOUR, crash_window)}
    lows = {row[0]: row[3] for row in candles(settings) if row[0] in calm}
    assert all(low > 0.94 * calm[at][3] for at, low in lows.items())


@pytest.mark.parametrize("factor", [0.07, 1000])
def test_another_coin_or_another_unit_under_the_ticker_is_refused(settings, exchanges, factor):
    foreign = event("scaled", DAY, exchange="bitstamp", market="BTC/USD", price_factor=factor)
    exchanges.add_events([foreign])
    backfill(settings, hours(0, 3))
    assert candles(settings) == merged_truth(FOUR, hours(0, 3), events=[foreign])
    assert [name for name, _ in merged_day(settings).refused] == ["bitstamp"]


def test_a_refused_exchange_stays_refused_until_it_can_be_compared_again(settings, exchanges):
    foreign = event("scaled", hours(-2, 2), exchange="bitstamp", market="BTC/USD", price_factor=0.07)
    one_minute = Window(DAY.start_ms, DAY.start_ms + MINUTE_MS)
    exchanges.add_events([foreign, event("quiet", one_minute, exchange="bitstamp", market="BTC/USD")])
    backfill(settings, hours(-1, 0))
    for window in (hours(0, 0.5), hours(0.5, 1)):
        backfill(settings, window)
        assert [name for name, _ in merged_day(settings).refused] == ["bitstamp"]
    assert candles(settings) == merged_truth(FOUR[:3], hours(-1, 1))


def test_an_exchange_that_is_added_to_a_checked_day_is_checked_too(settings, exchanges):
    exchanges.add_events([event("scaled", DAY, exchange="bitstamp", market="BTC/USD", price_factor=0.07)])
    backfill(with_settings(settings, exchanges=FOUR[:3]), hours(0, 1))
    assert merged_day(settings).refused == ()
    backfill(settings, hours(0, 1))
    assert [name for name, _ in merged_day(settings).refused] == ["bitstamp"]
    assert candles(settings) == merged_truth(FOUR[:3], hours(0, 1))


def test_without_a_rate_the_leg_is_left_out_and_never_taken_at_par(settings, exchanges):
    silent = hours(1, 2)
    events = [event("quiet", silent, market="USDT/USD")]
    exchanges.add_events(events)
    backfill(settings, hours(0, 3))
    assert candles(settings) == merged_truth(FOUR, hours(0, 3), events=events)
    found = quality(settings, Window(silent.start_ms + 5 * MINUTE_MS, silent.end_ms))
    assert set(found.excluded) == {"binance: no rate USDT/USD"}
    assert np.isnan(found.rates["USDT"]).all()


def test_a_rate_answered_later_is_merged_then_and_the_day_is_final_only_with_it(settings, exchanges):
    exchanges.set_fault("bitstamp", "status", status=503, path="usdtusd")
    backfill(settings, DAY)
    states = {key[:2]: record.state for key, record in records(settings).items()}
    assert states["USDT/USD", "bitstamp"] == RecordState.OPEN
    assert merged_day(settings).state == RecordState.OPEN
    others = tuple(market for market in oracle.RATE_MARKETS if market != ("bitstamp", "USDT/USD"))
    assert candles(settings) == merged_truth(FOUR, DAY, rate_markets=others)
    exchanges.clear_faults()
    exchanges.set_clock(NOW_MS + HOUR_MS)
    healed = run_steps(settings, "repair", None, NOW_MS + HOUR_MS, origin_ms=DAY.start_ms)
    assert candles(settings) == merged_truth(FOUR, DAY)
    assert merged_day(settings).state == RecordState.FINAL
    [event] = healed.events
    assert (event["state"], event["days"][0]["candles"]) == ("final", 1440)
    counts = event["days"][0]["quality"]
    assert sum(counts[f"grade_{letter}"] for letter in "abcd") == 1440
    assert counts["converted"] > 1400


def test_the_page_shows_a_day_that_waits_for_a_rate_as_not_final(settings, exchanges):
    exchanges.set_fault("bitstamp", "status", status=503, path="usdtusd")
    backfill(settings, DAY)
    assert on_the_page(settings) == (0, 4 * 1440, True)
    exchanges.clear_faults()
    exchanges.set_clock(NOW_MS + HOUR_MS)
    run_steps(settings, "repair", None, NOW_MS + HOUR_MS, origin_ms=DAY.start_ms)
    assert on_the_page(settings) == (0, 0, False)


def on_the_page(settings):
    """Return how many candles of the day are open and provisional on the map, and what its own view says."""
    day, expected = Columns("day", [DAY.start_ms, DAY.end_ms]), ExpectedCoverage.of(settings, NOW_MS)
    with InfluxBucket(connect_influxdb(), settings.influxdb_bucket) as bucket:
        row = read_coverage_rows(bucket, day, ["BTC/USD"], expected)
        hours = read_coverage_hours(bucket, "BTC/USD", DAY, expected)
    return row.open_counts.sum(), row.provisional.sum(), hours.waits_for_rates


def test_a_rate_that_is_a_symbol_too_is_merged_when_it_is_answered_later(settings, exchanges, redis_server):
    redis_server.client().set("top_cryptocurrencies", json.dumps(["btcusd", "usdtusd"]))
    settings = with_settings(settings, min_exchanges_required=1)
    exchanges.set_fault("bitstamp", "status", status=503, path="usdtusd")
    backfill(settings, DAY)
    exchanges.clear_faults()
    for hour in (1, 2):
        exchanges.set_clock(NOW_MS + hour * HOUR_MS)
        run_steps(settings, "repair", None, NOW_MS + hour * HOUR_MS, origin_ms=DAY.start_ms)
    assert candles(settings) == merged_truth(FOUR, DAY)
    assert merged_day(settings).state == RecordState.FINAL


def test_a_rate_that_is_a_symbol_passes_nothing_on_when_only_the_method_changed(settings, redis_server):
    redis_server.client().set("top_cryptocurrencies", json.dumps(["btcusd", "usdtusd"]))
    backfill(settings, DAY)
    run = make_run(settings, "repair", {}, None, DAY.start_ms, NOW_MS)
    plan = Plan(tickers=["usdtusd"], batches=[], end_ms=NOW_MS)
    with connect_redis() as client, InfluxBucket(connect_influxdb(), settings.influxdb_bucket) as bucket:
        WorkIndex(client, bucket).note_unmerged({("USDT/USD", DAY.start_ms): OTHER_METHOD})
        assert RateWork(run, plan, bucket, client, possible_rate_pairs(run.settings)).pass_on() == {}


def test_days_that_are_filled_in_any_order_end_in_the_same_candles(settings):
    before = Window(DAY.start_ms - DAY_MS, DAY.start_ms)
    run_steps(settings, "backfill", DAY, NOW_MS, origin_ms=before.start_ms)
    run_steps(settings, "backfill", before, NOW_MS, origin_ms=before.start_ms)
    assert candles(settings) == merged_truth(FOUR, Window(before.start_ms, DAY.end_ms))


def test_catch_up_goes_back_for_rates_no_further_than_for_their_legs(settings, exchanges):
    backfill(settings, DAY)
    soon = Window(DAY.end_ms, DAY.end_ms + 5 * MINUTE_MS)
    run_steps(settings, "catch_up", soon, NOW_MS, origin_ms=DAY.start_ms)
    assert {key[2] for key in records(settings, Window(0, NOW_MS))} == {DAY.start_ms, DAY.end_ms}


def test_the_first_catch_up_begins_with_rates_where_it_begins_with_their_legs(settings, exchanges):
    settings = with_settings(settings, catch_up_initial_days=1)
    at_ms = DAY.start_ms + 12 * HOUR_MS
    exchanges.set_clock(at_ms)
    run_steps(settings, "catch_up", Window(at_ms - 5 * MINUTE_MS, at_ms), at_ms)
    first = {
        key[:2]: min(w.start_ms for w in record.windows_where(record.states != 8))
        for key, record in records(settings, Window(DAY.start_ms - 2 * DAY_MS, DAY.start_ms)).items()
    }
    begin_ms = at_ms - DAY_MS
    assert {first[key] for key in RATE_MARKETS} == {begin_ms - 4 * MINUTE_MS}
    assert {ms for key, ms in first.items() if key not in RATE_MARKETS} == {begin_ms}


def test_rates_are_no_symbols_and_have_no_merged_candles(settings):
    result = backfill(settings, hours(0, 1))
    assert result.written.keys() == {"BTC/USD"}
    assert {key[:2] for key in records(settings)} == RATE_MARKETS | {("BTC/USD", name) for name in FOUR}
    assert stored(settings.influxdb_bucket, "candles", "USDT/USD") == []


def test_the_worst_minutes_are_the_disputed_ones_and_those_furthest_apart(settings, exchanges):
    at = [hours(2, 2).start_ms + place * 10 * MINUTE_MS for place in range(4)]
    # Two exchanges: nobody can say which is right.
    settings = with_settings(settings, exchanges=("coinbaseexchange", "bitstamp"))
    factors = (1.008, 1.05, 1.03, 1.009)
    exchanges.add_events(
        event("scaled", Window(ms, ms + MINUTE_MS), exchange="bitstamp", market="BTC/USD", price_factor=factor)
        for ms, factor in zip(at, factors, strict=True)
    )
    backfill(settings, hours(0, 3))
    with InfluxBucket(connect_influxdb(), settings.influxdb_bucket) as bucket:
        found = read_worst_minutes(bucket, DAY, {"BTC/USD"}, most=3)
        assert read_worst_minutes(bucket, DAY, {"ETH/USD"}) == []
    assert [minute.open_time_ms for minute in found] == [at[1], at[2], at[3]]
    assert [bool(minute.disputed) for minute in found] == [True, False, False]
    assert "BTC/USD, 2026-03-08T02:10Z: exchanges " in str(found[0])
    assert "; disputed: " in str(found[0])
