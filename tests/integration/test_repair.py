"""What stays open is recorded as such, and filled in later by itself; past days are asked for once more."""

from __future__ import annotations

import json

import pytest

from candle_ingest.candles.window import DAY_MS, HOUR_MS, MINUTE_MS, Window
from candle_ingest.cli.retry_command import make_due
from candle_ingest.ledger.day_record import DayRecord, RecordState
from candle_ingest.ledger.merged_day import MergedDay
from candle_ingest.ledger.minute_state import MinuteState
from candle_ingest.merging import aggregate_and_write
from candle_ingest.reports.merge_progress import MergeProgress
from candle_ingest.settings import PipelineSettings
from dev.exchange_simulator.coins import utc_ms
from dev.exchange_simulator.market_events import MarketEvent
from tests.integration.steps import (
    DAY,
    THREE,
    asked,
    day_records,
    merge_progress,
    merged_days,
    merged_truth,
    run_steps,
    stored,
    watermarks,
    with_settings,
    within,
)

pytestmark = pytest.mark.integration
# The day has been over for long enough: a look is a closing look.
NOW_MS = DAY.end_ms + 2 * HOUR_MS


@pytest.fixture
def settings(make_settings):
    """At par: these tests count requests, and rates need some of their own (test_rates.py)."""
    return with_settings(make_settings(THREE), quote_conversion="par")


def record(settings: PipelineSettings, exchange: str, day_ms: int = DAY.start_ms, pair: str = "BTC/USD") -> DayRecord:
    return day_records(settings.influxdb_bucket, Window(day_ms, day_ms + DAY_MS))[pair, exchange, day_ms]


def merged_day(settings: PipelineSettings, pair: str = "BTC/USD") -> MergedDay:
    return merged_days(settings.influxdb_bucket)[pair, DAY.start_ms]


def counts(settings: PipelineSettings, exchange: str, **where) -> dict[str, int]:
    found = record(settings, exchange, **where).counts().to_dict()
    return {name: count for name, count in found.items() if count and name != "expected"}


def backfill(settings: PipelineSettings, window: Window = DAY, now_ms: int = NOW_MS, **options):
    return run_steps(settings, "backfill", window, now_ms, origin_ms=DAY.start_ms, **options)


def repair(settings: PipelineSettings, now_ms: int):
    return run_steps(settings, "repair", None, now_ms, origin_ms=DAY.start_ms)


def test_a_backfill_of_a_day_long_over_is_its_closing_look_and_costs_nothing_again(settings):
    done = backfill(settings)
    assert [record(settings, name).state for name in THREE] == [RecordState.FINAL] * 3
    told = [(e["state"], [(day["pair"], day["day"], day["candles"]) for day in e["days"]]) for e in done.events]
    assert told == [("final", [("BTC/USD", "2026-03-10", 1440)])]
    again, later = backfill(settings), repair(settings, NOW_MS + DAY_MS)
    assert (again.requests, again.events, later.requests, later.events) == (0, [], 0, [])
    keys = watermarks(settings.influxdb_bucket, "btcusd-backfill", "btcusd-final")
    assert set(keys.values()) == {DAY.end_ms - MINUTE_MS}
    assert len(keys) == 2


def test_a_day_that_was_fetched_while_it_ran_is_asked_for_once_more_after_it(settings, exchanges):
    early_ms = DAY.end_ms + MINUTE_MS
    assert backfill(settings, now_ms=early_ms).events == []
    assert merged_day(settings).state == RecordState.PROVISIONAL
    assert repair(settings, DAY.end_ms + 50 * MINUTE_MS).requests == 0
    closing = repair(settings, NOW_MS)
    assert closing.requests == 2 + 5 + 1
    assert merged_day(settings).state == RecordState.FINAL
    assert [event["state"] for event in closing.events] == ["final"]


def test_a_candle_that_was_corrected_meanwhile_is_replaced_by_the_closing_look(settings, exchanges):
    wrong = Window(DAY.start_ms + HOUR_MS, DAY.start_ms + 2 * HOUR_MS)
    exchanges.add_events(
        [MarketEvent(kind="revised", exchange="binance", start_ms=wrong.start_ms, end_ms=wrong.end_ms, until_ms=NOW_MS)]
    )
    exchanges.set_clock(DAY.end_ms + MINUTE_MS)
    backfill(settings, now_ms=DAY.end_ms + MINUTE_MS)
    assert stored(settings.influxdb_bucket, "candles", "BTC/USD") != merged_truth(THREE, DAY, par=True)
    exchanges.set_clock(NOW_MS)
    repair(settings, NOW_MS)
    assert stored(settings.influxdb_bucket, "candles", "BTC/USD") == merged_truth(THREE, DAY, par=True)


def test_after_an_exchange_was_down_the_store_becomes_complete_by_itself(settings, exchanges):
    exchanges.set_fault("kucoin", "status", status=503, path="candles")
    broken = backfill(settings)
    assert "kucoin failed" in str(broken.incomplete)
    assert counts(settings, "kucoin") == {"failed": 1440}
    assert stored(settings.influxdb_bucket, "candles", "BTC/USD") == []
    exchanges.clear_faults()
    repaired = repair(settings, NOW_MS + HOUR_MS)
    assert (repaired.failed, repaired.incomplete, repaired.requests) == ({}, None, 1)
    assert stored(settings.influxdb_bucket, "candles", "BTC/USD") == merged_truth(THREE, DAY, par=True)
    assert watermarks(settings.influxdb_bucket, "btcusd-backfill") == {"btcusd-backfill": DAY.end_ms - MINUTE_MS}
    assert [event["state"] for event in repaired.events] == ["final"]


def test_a_merge_without_an_exchange_that_failed_is_made_again_with_it(settings, exchanges):
    settings = with_settings(settings, min_exchanges_required=2)
    exchanges.set_fault("kucoin", "status", status=503, path="candles")
    broken = backfill(settings)
    assert (broken.incomplete, broken.events) == (None, [])
    assert stored(settings.influxdb_bucket, "candles", "BTC/USD") == merged_truth(THREE[:2], DAY, par=True)
    exchanges.clear_faults()
    repair(settings, NOW_MS + HOUR_MS)
    assert stored(settings.influxdb_bucket, "candles", "BTC/USD") == merged_truth(THREE, DAY, par=True)


def test_rows_that_cannot_be_trusted_cost_no_other_minute(settings, exchanges):
    exchanges.set_fault("coinbaseexchange", "high_below_low", path="candles")
    broken = backfill(settings)
    assert "5 candles are not merged" in str(broken.incomplete)
    assert counts(settings, "coinbaseexchange")["rejected"] == 5
    assert len(stored(settings.influxdb_bucket, "candles", "BTC/USD")) == 1435
    exchanges.clear_faults()
    repair(settings, NOW_MS + HOUR_MS)
    assert stored(settings.influxdb_bucket, "candles", "BTC/USD") == merged_truth(THREE, DAY, par=True)


def test_one_bad_row_for_good_is_given_up_after_two_weeks_and_told_once(settings, exchanges, caplog):
    settings = with_settings(settings, exchanges=("binance",))
    bad_ms = DAY.start_ms + 10 * HOUR_MS
    exchanges.add_events(
        [
            MarketEvent(
                kind="wrong_row", exchange="binance", start_ms=bad_ms, end_ms=bad_ms + MINUTE_MS, row="high_below_low"
            )
        ]
    )
    backfill(settings)
    for day in range(1, 18):
        repair(settings, NOW_MS + day * DAY_MS)
    found = counts(settings, "binance")
    assert (found.get("unobtainable"), found["present"]) == (1, 1439)
    assert record(settings, "binance").state == RecordState.UNOBTAINABLE
    assert caplog.text.count("1 minute of [2026-03-10T00:00Z, 2026-03-11T00:00Z) is unobtainable") == 1
    assert len(stored(settings.influxdb_bucket, "candles", "BTC/USD")) == 1439
    assert repair(settings, NOW_MS + 20 * DAY_MS).requests == 0
    assert make_due(settings, {"ETH/USD"}, None, NOW_MS + 20 * DAY_MS) == 0
    assert make_due(settings, {"BTC/USD"}, {"binance"}, NOW_MS + 20 * DAY_MS) == 1
    assert repair(settings, NOW_MS + 20 * DAY_MS + 1).requests > 0


def test_a_failure_is_asked_again_after_a_quarter_of_an_hour_and_then_less_often(settings, exchanges):
    settings = with_settings(settings, exchanges=("binance", "kucoin"))
    exchanges.set_fault("kucoin", "status", status=503, path="candles")
    backfill(settings)
    assert asked(repair(settings, NOW_MS + 10 * MINUTE_MS)) == []
    hours = [hour for hour in range(1, 25) if asked(repair(settings, NOW_MS + hour * HOUR_MS))]
    assert len(hours) <= 6
    assert hours[:3] == [1, 2, 3]


def test_what_was_fetched_but_not_merged_is_merged_without_a_call(settings):
    backfill(settings, merge=False)
    assert stored(settings.influxdb_bucket, "candles", "BTC/USD") == []
    repaired = repair(settings, NOW_MS + MINUTE_MS)
    assert (repaired.plan.batches, repaired.requests) == ([], 0)
    assert stored(settings.influxdb_bucket, "candles", "BTC/USD") == merged_truth(THREE, DAY, par=True)


def test_the_open_work_is_found_though_redis_was_emptied(settings, exchanges, redis_server):
    exchanges.set_fault("kucoin", "status", status=503, path="candles")
    backfill(settings, merge=False)
    exchanges.clear_faults()
    redis_server.client().flushdb()
    redis_server.client().set("top_cryptocurrencies", json.dumps(["btcusd"]))
    repair(settings, NOW_MS + HOUR_MS)
    assert stored(settings.influxdb_bucket, "candles", "BTC/USD") == merged_truth(THREE, DAY, par=True)


def test_a_fetch_that_was_killed_is_recorded_as_failed_and_refetched(settings):
    broken = backfill(settings, killed=("kucoin",))
    assert "kucoin failed: no result recorded" in str(broken.incomplete)
    assert counts(settings, "kucoin") == {"failed": 1440}
    repair(settings, NOW_MS + HOUR_MS)
    assert stored(settings.influxdb_bucket, "candles", "BTC/USD") == merged_truth(THREE, DAY, par=True)


def six_silent_hours(exchanges, settings) -> Window:
    """coinbaseexchange serves nothing from 6 to 12 o'clock, as if nobody had traded there."""
    silent = Window(DAY.start_ms + 6 * HOUR_MS, DAY.start_ms + 12 * HOUR_MS)
    backfill(settings, Window(DAY.start_ms, silent.start_ms))
    exchanges.set_fault("coinbaseexchange", "empty", path="candles")
    backfill(settings, silent)
    exchanges.clear_faults()
    backfill(settings, Window(silent.end_ms, DAY.end_ms))
    return silent


def test_six_silent_hours_are_not_believed_and_are_filled_an_hour_later(settings, exchanges):
    silent = six_silent_hours(exchanges, settings)
    assert record(settings, "coinbaseexchange").windows_of([MinuteState.SILENT]) == [silent]
    assert len(stored(settings.influxdb_bucket, "candles", "BTC/USD")) == 1080
    assert repair(settings, NOW_MS + HOUR_MS // 2).requests == 0
    assert repair(settings, NOW_MS + HOUR_MS + MINUTE_MS).requests == 2
    assert stored(settings.influxdb_bucket, "candles", "BTC/USD") == merged_truth(THREE, DAY, par=True)


def test_a_silence_becomes_an_outage_only_by_two_empty_answers_a_day_apart(settings, exchanges):
    silent = six_silent_hours(exchanges, settings)
    exchanges.set_fault("coinbaseexchange", "empty", path="candles")
    repair(settings, NOW_MS + HOUR_MS)
    assert record(settings, "coinbaseexchange").windows_of([MinuteState.SILENT]) == [silent]
    repair(settings, NOW_MS + DAY_MS + HOUR_MS)
    assert record(settings, "coinbaseexchange").windows_of([MinuteState.OUTAGE]) == [silent]
    assert len(stored(settings.influxdb_bucket, "candles", "BTC/USD")) == 1440
    assert repair(settings, NOW_MS + 10 * DAY_MS).requests == 0


def test_before_a_market_was_listed_its_minutes_are_not_missing(settings, exchanges, redis_server):
    exchange, pair, listed_ms = "coinbaseexchange", "SUI/USD", utc_ms("2023-05-18")
    redis_server.client().set("top_cryptocurrencies", json.dumps([pair]))
    settings = with_settings(settings, exchanges=("binance", exchange))
    for start_ms in (listed_ms - 2 * DAY_MS, listed_ms - DAY_MS, listed_ms):
        assert backfill(settings, Window(start_ms, start_ms + DAY_MS)).failed == {}
    for days in (2, 1):
        assert counts(settings, exchange, day_ms=listed_ms - days * DAY_MS, pair=pair) == {"not_listed": 1440}
    asked_for_days = sum(request["query"].get("granularity") == "86400" for request in exchanges.requests(full=True))
    assert asked_for_days == 1, "asked once: the second day follows from the first, the third has candles"


def test_an_exchange_that_shows_no_candle_at_all_proves_nothing_about_a_listing(settings, exchanges):
    exchanges.set_fault("coinbaseexchange", "empty", path="candles")
    backfill(settings, Window(DAY.start_ms, DAY.start_ms + 6 * HOUR_MS))
    assert counts(settings, "coinbaseexchange") == {"silent": 360, "not_asked": 1080}


def test_a_budget_is_shared_and_no_gap_is_too_large_to_begin(settings, exchanges, redis_server):
    redis_server.client().set("top_cryptocurrencies", json.dumps(["btcusd", "ethusd"]))
    settings = with_settings(settings, exchanges=THREE[:2], repair_calls=1, min_exchanges_required=1)
    exchanges.set_fault("coinbaseexchange", "status", status=503, path="candles")
    days = [Window(DAY.start_ms - n * DAY_MS, DAY.end_ms - n * DAY_MS) for n in range(2)]
    for day in days:
        backfill(settings, day)
    exchanges.clear_faults()
    redis_server.client().delete(*(redis_server.client().keys("candle_ingest:down*") or ["none"]))
    for n in range(1, 6):
        repair(settings, NOW_MS + n * DAY_MS)
    for pair in ("BTC/USD", "ETH/USD"):
        found = [counts(settings, "coinbaseexchange", day_ms=day.start_ms, pair=pair) for day in days]
        assert [one.get("failed", 0) for one in found] == [0, 0]


def test_days_are_merged_again_when_the_pipeline_merges_in_another_way(settings):
    backfill(settings)
    extremes = with_settings(settings, high_low="extremes")
    again = repair(extremes, NOW_MS + HOUR_MS)
    assert (again.requests, again.written) == (0, {"BTC/USD": 1440})
    assert merged_day(settings).method != ""
    assert repair(extremes, NOW_MS + 2 * HOUR_MS).written == {}


def test_a_day_that_a_task_with_older_settings_merges_late_is_merged_again(settings):
    backfill(settings)
    extremes = with_settings(settings, high_low="extremes")
    repair(extremes, NOW_MS + HOUR_MS)
    late = run_steps(settings, "backfill", DAY, NOW_MS + HOUR_MS, {"refetch": True}, origin_ms=DAY.start_ms)
    assert late.written == {"BTC/USD": 1440}
    assert repair(extremes, NOW_MS + 2 * HOUR_MS).written == {"BTC/USD": 1440}
    assert stored(settings.influxdb_bucket, "candles", "BTC/USD") == merged_truth(THREE, DAY, par=True, extremes=True)
    assert repair(extremes, NOW_MS + 3 * HOUR_MS).written == {}


def test_a_change_of_method_is_remerged_newest_first_within_a_budget_without_calls(settings, exchanges, monkeypatch):
    days = [Window(DAY.start_ms - n * DAY_MS, DAY.end_ms - n * DAY_MS) for n in range(2)]
    for day in days:
        backfill(settings, day)
    monkeypatch.setattr(aggregate_and_write, "MAX_DAYS_OF_ANOTHER_METHOD", 1)
    changed = with_settings(settings, high_low="extremes", guard_percent=0)
    exchanges.reset_requests()
    for done in range(2):
        assert merge_progress(changed) == MergeProgress(2, 2 - done)
        repair(changed, NOW_MS + (done + 1) * HOUR_MS)
        for place, day in enumerate(days):
            expected = merged_truth(
                THREE, day, par=True, extremes=place <= done, guard_percent=0 if place <= done else 5
            )
            assert within(stored(settings.influxdb_bucket, "candles", "BTC/USD"), day) == expected
    assert exchanges.requests() == {}
    assert (merge_progress(changed), merge_progress(changed).sentence) == (MergeProgress(2, 0), "")
