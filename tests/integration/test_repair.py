"""What stays open is recorded as such, and filled in later by itself."""

from __future__ import annotations

import json

import pytest

from candle_ingest.candles.window import DAY_MS, Window, union
from candle_ingest.connections import connect_influxdb
from candle_ingest.ledger.coverage import CONFIRMED, NOT_LISTED, REPAIRED, SUSPECTED, Entry
from candle_ingest.ledger.coverage_ledger import CoverageLedger
from candle_ingest.settings import PipelineSettings
from candle_ingest.store.bucket import InfluxBucket
from candle_ingest.store.flux import flux_range
from dev.exchange_simulator.coins import utc_ms
from tests.integration.steps import merged_truth, run_steps, stored, watermarks, with_settings

pytestmark = pytest.mark.integration
DAY = Window(utc_ms("2026-03-10"), utc_ms("2026-03-11"))
NOW_MS = DAY.end_ms + 60_000
HOUR_MS = 3_600_000
THREE = ("binance", "coinbaseexchange", "kucoin")


@pytest.fixture
def exchanges(exchanges):
    exchanges.set_clock(NOW_MS)
    return exchanges


@pytest.fixture
def settings(make_settings):
    return make_settings(THREE)


def ledger(settings: PipelineSettings, status: str, window: Window = DAY) -> list[Entry]:
    with InfluxBucket(connect_influxdb(), settings.influxdb_bucket) as bucket:
        entries = CoverageLedger(bucket, 60_000).entries(window, "BTC/USD")
    return sorted((entry for entry in entries if entry.status == status), key=lambda entry: entry.window)


def daily(settings: PipelineSettings, exchange: str, day: Window = DAY) -> dict[str, int]:
    """The account of the day, read with a query of this test's own."""
    flux = """
    from(bucket: bucket) |> range(start: time(v: start_ns), stop: time(v: stop_ns))
      |> filter(fn: (r) => r._measurement == "daily_coverage")
      |> filter(fn: (r) => r.exchange == exchange and r.currency_pair == "BTC/USD")
    """
    with InfluxBucket(connect_influxdb(), settings.influxdb_bucket) as bucket:
        found = {row["_field"]: int(row["_value"]) for row in bucket.query(flux, exchange=exchange, **flux_range(day))}
    found.pop("recorded_at_ms", None)
    return {name: count for name, count in found.items() if count}


def repair(settings: PipelineSettings, now_ms: int):
    return run_steps(settings, "repair", None, now_ms, origin_ms=DAY.start_ms)


def test_after_an_exchange_was_down_the_store_becomes_complete_without_anyone_touching_it(settings, exchanges):
    exchanges.set_fault("kucoin", "status", status=503, path="candles")
    broken = run_steps(settings, "backfill", DAY, NOW_MS, origin_ms=DAY.start_ms)
    assert "failed: kucoin" in str(broken.incomplete)
    assert daily(settings, "kucoin") == {"expected": 1440, "failed": 1440}
    assert stored(settings.influxdb_bucket, "candles", "BTC/USD") == []
    exchanges.clear_faults()
    mended = repair(settings, broken.ended_ms + HOUR_MS)
    assert (mended.failed, mended.incomplete, mended.requests) == ({}, None, 1)
    assert stored(settings.influxdb_bucket, "candles", "BTC/USD") == merged_truth(THREE, DAY)
    assert watermarks(settings.influxdb_bucket, "btcusd-backfill") == {"btcusd-backfill": DAY.end_ms - 60_000}
    assert "failed" not in daily(settings, "kucoin")


def test_a_merge_without_an_exchange_that_failed_is_made_again_with_it(settings, exchanges):
    settings = with_settings(settings, min_exchanges_required=2)
    exchanges.set_fault("kucoin", "status", status=503, path="candles")
    broken = run_steps(settings, "backfill", DAY, NOW_MS)
    assert broken.incomplete is None
    assert stored(settings.influxdb_bucket, "candles", "BTC/USD") == merged_truth(THREE[:2], DAY)
    exchanges.clear_faults()
    repair(settings, broken.ended_ms + HOUR_MS)
    assert stored(settings.influxdb_bucket, "candles", "BTC/USD") == merged_truth(THREE, DAY)


def test_what_was_answered_before_a_fetch_failed_is_merged_with_the_rest_of_it(settings, exchanges):
    """coinbaseexchange answers two of five pages."""
    first = Window(DAY.start_ms, DAY.start_ms + 10 * HOUR_MS)
    run_steps(settings, "backfill", first, NOW_MS, merge=False)
    exchanges.set_fault("coinbaseexchange", "status", status=503, path="candles")
    broken = run_steps(settings, "backfill", DAY, NOW_MS)
    assert daily(settings, "coinbaseexchange")["failed"] == 840
    assert stored(settings.influxdb_bucket, "candles", "BTC/USD") == []
    exchanges.clear_faults()
    repair(settings, broken.ended_ms + HOUR_MS)
    assert stored(settings.influxdb_bucket, "candles", "BTC/USD") == merged_truth(THREE, DAY)


def test_a_row_of_each_page_that_cannot_be_trusted_costs_no_other_minute(settings, exchanges):
    exchanges.set_fault("coinbaseexchange", "high_below_low", path="candles")
    broken = run_steps(settings, "backfill", DAY, NOW_MS)
    assert "failed: coinbaseexchange" in str(broken.incomplete)
    assert daily(settings, "coinbaseexchange")["rejected"] == 5
    exchanges.clear_faults()
    repair(settings, broken.ended_ms + HOUR_MS)
    assert stored(settings.influxdb_bucket, "candles", "BTC/USD") == merged_truth(THREE, DAY)


def test_while_an_exchange_is_down_what_it_answered_before_is_merged_and_not_again_and_again(settings, exchanges):
    morning = Window(DAY.start_ms, DAY.start_ms + 10 * HOUR_MS)
    run_steps(settings, "backfill", morning, NOW_MS, merge=False)
    exchanges.set_fault("coinbaseexchange", "status", status=503, path="candles")
    broken = run_steps(settings, "backfill", DAY, NOW_MS)
    second = repair(settings, broken.ended_ms + HOUR_MS // 10)
    assert [(job.window, second.incomplete) for job in second.plan.merges] == [(morning, None)]
    assert stored(settings.influxdb_bucket, "candles", "BTC/USD") == merged_truth(THREE, morning)
    assert repair(settings, second.ended_ms + 1).plan.merges == []


def test_a_repair_with_nothing_to_do_asks_for_nothing(settings):
    done = run_steps(settings, "backfill", DAY, NOW_MS)
    again = repair(settings, done.ended_ms + HOUR_MS)
    assert (again.requests, again.plan.requests, again.plan.merges, again.incomplete) == (0, [], [], None)


def test_a_repair_is_not_made_at_once_and_ever_more_seldom(settings, exchanges):
    exchanges.set_fault("kucoin", "status", status=503, path="candles")
    broken = run_steps(settings, "backfill", DAY, NOW_MS)
    assert repair(settings, broken.ended_ms + HOUR_MS // 10).plan.requests == []
    second = repair(settings, broken.ended_ms + HOUR_MS // 3)
    assert len(second.plan.requests) == 1
    assert repair(settings, second.ended_ms + HOUR_MS // 3).plan.requests == []
    assert len(repair(settings, second.ended_ms + HOUR_MS).plan.requests) == 1


def test_a_repair_keeps_to_its_budget_and_takes_the_newest_first(settings, exchanges):
    settings = with_settings(settings, repair_calls=1, min_exchanges_required=1)
    exchanges.set_fault("coinbaseexchange", "status", status=503, path="candles")
    early, late = Window(DAY.start_ms, DAY.start_ms + HOUR_MS), Window(DAY.end_ms - HOUR_MS, DAY.end_ms)
    for window in (early, late):
        broken = run_steps(settings, "backfill", window, NOW_MS)
    exchanges.clear_faults()
    first = repair(settings, broken.ended_ms + HOUR_MS)
    assert [request.window for request in first.plan.requests] == [late]
    second = repair(settings, first.ended_ms + HOUR_MS)
    assert [request.window for request in second.plan.requests] == [early]
    assert repair(settings, second.ended_ms + HOUR_MS).plan.requests == []


def test_what_was_fetched_but_not_merged_is_merged_without_a_call(settings, exchanges):
    exchanges.set_fault("kucoin", "status", status=503, path="candles")
    broken = run_steps(settings, "backfill", DAY, NOW_MS)
    exchanges.clear_faults()
    run_steps(settings, "backfill", DAY, NOW_MS, merge=False)
    mended = repair(settings, broken.ended_ms + HOUR_MS)
    assert (mended.plan.requests, mended.requests) == ([], 0)
    assert stored(settings.influxdb_bucket, "candles", "BTC/USD") == merged_truth(THREE, DAY)


def six_silent_hours(exchanges, settings):
    """coinbaseexchange serves nothing from 6 to 12 o'clock, as if nobody had traded there."""
    for first, last in ((0, 6), (6, 12), (12, 24)):
        if first == 6:
            exchanges.set_fault("coinbaseexchange", "empty", path="candles")
        window = Window(DAY.start_ms + first * HOUR_MS, DAY.start_ms + last * HOUR_MS)
        run = run_steps(settings, "backfill", window, NOW_MS, origin_ms=DAY.start_ms)
        if first == 6:
            silent = window
            exchanges.clear_faults()
    return run, silent


def test_six_silent_hours_are_suspected_then_repaired_and_the_merge_holds_all_their_volume(settings, exchanges, caplog):
    run, silent = six_silent_hours(exchanges, settings)
    assert [(e.exchange, e.window, e.outcome) for e in ledger(settings, SUSPECTED)] == [
        ("coinbaseexchange", silent, "")
    ]
    assert "BTC/USD @ coinbaseexchange: no trade in [2026-03-10T06:00Z, 2026-03-10T12:00Z)" in caplog.text
    assert daily(settings, "coinbaseexchange")["suspected"] == 360
    assert repair(settings, run.ended_ms + HOUR_MS // 2).plan.requests == []
    mended = repair(settings, run.ended_ms + HOUR_MS + 60_000)
    assert mended.requests == 2
    assert [e.outcome for e in ledger(settings, SUSPECTED)] == [REPAIRED]
    assert "suspected" not in daily(settings, "coinbaseexchange")
    assert stored(settings.influxdb_bucket, "candles", "BTC/USD") == merged_truth(THREE, DAY)


def test_a_silence_over_midnight_is_suspected_though_neither_day_has_enough_of_it(settings, exchanges):
    """29 minutes before midnight and 29 after it; the second day is fetched first."""
    midnight_ms = DAY.end_ms
    silent = Window(midnight_ms - 29 * 60_000, midnight_ms + 29 * 60_000)
    exchanges.set_clock(midnight_ms + DAY_MS + 60_000)
    exchanges.set_fault("coinbaseexchange", "empty", path="candles")
    run_steps(settings, "backfill", silent, midnight_ms + DAY_MS + 60_000, merge=False)
    exchanges.clear_faults()
    for day in (Window(midnight_ms, midnight_ms + DAY_MS), DAY):
        run_steps(settings, "backfill", day, midnight_ms + DAY_MS + 60_000)
    assert union(entry.window for entry in ledger(settings, SUSPECTED, Window(DAY.start_ms, silent.end_ms))) == [silent]
    assert daily(settings, "coinbaseexchange", DAY)["suspected"] == 29
    assert daily(settings, "coinbaseexchange", Window(midnight_ms, midnight_ms + DAY_MS))["suspected"] == 29


def test_only_a_second_empty_answer_settles_a_suspicion_and_no_third_is_asked(settings, exchanges):
    run, _ = six_silent_hours(exchanges, settings)
    exchanges.set_fault("coinbaseexchange", "empty", path="candles")
    second = repair(settings, run.ended_ms + HOUR_MS + 60_000)
    assert [e.outcome for e in ledger(settings, SUSPECTED)] == [CONFIRMED]
    assert daily(settings, "coinbaseexchange")["quiet"] >= 360
    assert repair(settings, second.ended_ms + DAY_MS).plan.requests == []


def test_before_a_market_was_listed_its_minutes_are_not_missing(settings, exchanges, redis_server):
    exchange, pair, born = "coinbaseexchange", "SUI/USD", "2023-05-18"
    redis_server.client().set("top_cryptocurrencies", json.dumps([pair]))
    settings = with_settings(settings, exchanges=("binance", exchange))
    listed_ms = utc_ms(born)
    for start_ms in (listed_ms - 2 * DAY_MS, listed_ms - DAY_MS, listed_ms):
        window = Window(start_ms, start_ms + DAY_MS)
        assert run_steps(settings, "backfill", window, NOW_MS).incomplete is None
    with InfluxBucket(connect_influxdb(), settings.influxdb_bucket) as bucket:
        entries = CoverageLedger(bucket, 60_000).unsettled(pair) + CoverageLedger(bucket, 60_000).entries(
            Window(listed_ms - 2 * DAY_MS, listed_ms + DAY_MS), pair
        )
    before = [e for e in entries if e.status == NOT_LISTED]
    assert {(e.exchange, e.window.start_ms, e.window.end_ms) for e in before} == {
        (exchange, listed_ms - 2 * DAY_MS, listed_ms - DAY_MS),
        (exchange, listed_ms - DAY_MS, listed_ms),
    }
    assert [
        e for e in entries if e.status == SUSPECTED and e.exchange == exchange and e.window.end_ms <= listed_ms
    ] == []
    days = sum(request["query"].get("granularity") == "86400" for request in exchanges.requests(full=True))
    assert days == 1, "asked once: the second window follows from the first, the third has candles"


def test_an_exchange_that_shows_no_candle_at_all_proves_nothing_about_a_listing(settings, exchanges):
    exchanges.set_fault("coinbaseexchange", "empty", path="candles")
    run_steps(settings, "backfill", Window(DAY.start_ms, DAY.start_ms + 6 * HOUR_MS), NOW_MS)
    assert ledger(settings, NOT_LISTED) == []
    assert len(ledger(settings, SUSPECTED)) == 1


def test_a_fetch_that_was_killed_leaves_an_entry_and_is_repaired(settings):
    broken = run_steps(settings, "backfill", DAY, NOW_MS, killed=("kucoin",))
    assert "failed: kucoin" in str(broken.incomplete)
    assert daily(settings, "kucoin") == {"expected": 1440, "failed": 1440}
    repair(settings, broken.ended_ms + HOUR_MS)
    assert stored(settings.influxdb_bucket, "candles", "BTC/USD") == merged_truth(THREE, DAY)
