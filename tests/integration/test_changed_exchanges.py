"""After a change of the exchanges, repair merges past days with those of the settings, from stored candles."""

from __future__ import annotations

import pytest

from candle_ingest.candles.window import HOUR_MS, MINUTE_MS, Window
from candle_ingest.ledger.day_record import RecordState
from candle_ingest.merging import aggregate_and_write
from candle_ingest.reports.merge_progress import MergeProgress
from candle_ingest.settings import PipelineSettings
from tests.integration.steps import (
    DAY,
    THREE,
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
NOW_MS = DAY.end_ms + 2 * HOUR_MS
TWO = THREE[:2]
FINAL_KEY = "btcusd-final"


@pytest.fixture
def settings(make_settings):
    """At par: these tests count requests, and rates need some of their own."""
    return make_settings(THREE, quote_conversion="par")


def backfill(settings: PipelineSettings, now_ms: int = NOW_MS, **params):
    return run_steps(settings, "backfill", DAY, now_ms, params, origin_ms=DAY.start_ms)


def repair(settings: PipelineSettings, hours: int, **params):
    return run_steps(settings, "repair", None, NOW_MS + hours * HOUR_MS, params, origin_ms=DAY.start_ms)


def merged_day(settings: PipelineSettings):
    return merged_days(settings.influxdb_bucket)["BTC/USD", DAY.start_ms]


def candles(settings: PipelineSettings) -> list[tuple]:
    return stored(settings.influxdb_bucket, "candles", "BTC/USD")


def told_days(result) -> list[str]:
    return [day["day"] for event in result.events if event["state"] == "final" for day in event["days"]]


def test_an_added_exchange_opens_past_days_until_it_was_asked(settings):
    two = with_settings(settings, exchanges=TWO)
    backfill(two)
    again = repair(settings, 1)
    assert (again.requests, told_days(again)) == (0, [])
    day = merged_day(settings)
    assert (day.state, day.counts.not_asked, day.exchanges) == (RecordState.OPEN, 1440, 3)
    assert candles(settings) == merged_truth(TWO, DAY, par=True)
    assert backfill(settings, NOW_MS + 2 * HOUR_MS).incomplete is None
    assert merged_day(settings).state == RecordState.FINAL
    assert candles(settings) == merged_truth(THREE, DAY, par=True)


def test_a_replaced_exchange_leaves_past_days_open_until_the_new_one_was_asked(settings):
    backfill(with_settings(settings, exchanges=(*TWO, "kraken")))
    assert merge_progress(settings, DAY) == MergeProgress(1, 1)
    repair(settings, 1)
    assert merge_progress(settings, DAY) == MergeProgress(1, 0)
    assert (merged_day(settings).state, merged_day(settings).counts.not_asked) == (RecordState.OPEN, 1440)
    backfill(settings, NOW_MS + 2 * HOUR_MS)
    assert merged_day(settings).state == RecordState.FINAL
    assert candles(settings) == merged_truth(THREE, DAY, par=True)


def test_a_day_that_waits_for_a_removed_exchange_becomes_final_and_is_announced(settings, exchanges):
    exchanges.set_fault("kucoin", "status", status=503, path="candles")
    backfill(settings)
    two = with_settings(settings, exchanges=TWO)
    done = repair(two, 1)
    assert (done.requests, told_days(done)) == (0, ["2026-03-10"])
    assert candles(settings) == merged_truth(TWO, DAY, par=True)
    assert watermarks(settings.influxdb_bucket, FINAL_KEY) == {FINAL_KEY: DAY.end_ms - MINUTE_MS}


def test_the_candles_of_a_removed_exchange_are_no_longer_merged(settings):
    backfill(settings)
    two = with_settings(settings, exchanges=TWO)
    again = repair(two, 1)
    assert (again.requests, told_days(again), merged_day(two).state) == (0, [], RecordState.FINAL)
    assert candles(two) == merged_truth(TWO, DAY, par=True)
    assert repair(two, 2).written == {}


def test_a_run_with_exchanges_of_its_own_makes_no_day_final(settings):
    alone = backfill(settings, exchanges=["binance"])
    assert (told_days(alone), merged_day(settings).state) == ([], RecordState.PROVISIONAL)
    assert watermarks(settings.influxdb_bucket, FINAL_KEY) == {}


@pytest.mark.parametrize("repaired_before", [False, True])
def test_a_day_merged_by_a_run_of_own_exchanges_is_merged_again(settings, repaired_before):
    if repaired_before:
        repair(settings, 0)
    run_steps(settings, "backfill", DAY, NOW_MS, origin_ms=DAY.start_ms, merge=False)
    alone = backfill(settings, exchanges=["binance"])
    assert (told_days(alone), candles(settings)) == ([], merged_truth(("binance",), DAY, par=True))
    records = day_records(settings.influxdb_bucket)
    merged = {name for _, name, _ in records if records["BTC/USD", name, DAY.start_ms].merged_version}
    assert merged == {"binance"}
    done = repair(settings, 1)
    assert (done.requests, told_days(done)) == (0, ["2026-03-10"])
    assert candles(settings) == merged_truth(THREE, DAY, par=True)
    assert repair(settings, 2).written == {}


def test_a_final_day_stays_as_it_is_if_a_run_of_own_exchanges_finds_nothing_new(settings):
    backfill(settings)
    assert backfill(settings, exchanges=["binance"]).written == {}
    assert merged_day(settings).state == RecordState.FINAL


def test_a_repair_with_own_params_merges_no_past_days_by_them(settings):
    backfill(settings)
    repair(settings, 1)
    assert repair(settings, 2, min_exchanges_required=1).written == {}
    assert repair(settings, 3).written == {}


def test_catch_up_leaves_days_of_another_method_to_repair(settings, exchanges, monkeypatch):
    backfill(settings)
    two = with_settings(settings, exchanges=TWO, catch_up_initial_days=1)
    monkeypatch.setattr(aggregate_and_write, "MAX_DAYS_OF_ANOTHER_METHOD", 0)
    repair(two, 1)
    six = Window(DAY.end_ms + 5 * HOUR_MS, DAY.end_ms + 6 * HOUR_MS)
    exchanges.set_clock(six.end_ms + MINUTE_MS)
    assert run_steps(two, "catch_up", six, six.end_ms + MINUTE_MS).written == {"BTC/USD": 360}
    assert within(candles(two), DAY) == merged_truth(THREE, DAY, par=True)
