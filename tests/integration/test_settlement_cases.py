"""Faults that once lost or spoilt candles: in the end the store equals what the exchanges have."""

from __future__ import annotations

import json
import threading

import pytest
from typer.testing import CliRunner

from candle_ingest.__main__ import app
from candle_ingest.candles.window import DAY_MS, HOUR_MS, MINUTE_MS, Window
from candle_ingest.cli import status_command
from candle_ingest.connections import connect_influxdb
from candle_ingest.ledger.day_record import RecordState
from candle_ingest.ledger.minute_state import MinuteState
from candle_ingest.planning.fetch_batch import FetchBatch
from candle_ingest.planning.validate_symbols import validate_symbols
from candle_ingest.store.bucket import InfluxBucket
from candle_ingest.store.candle_store import CandleStore
from dev.exchange_simulator.market_events import MarketEvent
from tests.integration import steps
from tests.integration.steps import (
    DAY,
    THREE,
    day_records,
    hours,
    merged_truth,
    run_steps,
    stored,
    truth,
    watermarks,
    with_settings,
    within,
)

pytestmark = pytest.mark.integration
NOW_MS = DAY.end_ms + 2 * HOUR_MS
# Every five minutes by default; seldom enough here for hours to take seconds.
CATCH_UP_MS = 30 * MINUTE_MS


@pytest.fixture
def settings(make_settings):
    """At par: markets of rates have tests of their own, and would be half of the requests here."""
    return make_settings(THREE, quote_conversion="par")


def follow(settings, exchanges, until_ms: int, from_ms: int) -> None:
    """Run catch-up as time passes."""
    for now_ms in range(from_ms + CATCH_UP_MS, until_ms + 1, CATCH_UP_MS):
        exchanges.set_clock(now_ms + 1_000)
        run_steps(settings, "catch_up", Window(now_ms - CATCH_UP_MS, now_ms), now_ms + 1_000, origin_ms=DAY.start_ms)


def test_two_hours_without_an_answer_from_one_exchange_lose_no_candle(settings, exchanges):
    begin = hours(0, 5.5)
    exchanges.set_clock(begin.end_ms + 1_000)
    run_steps(settings, "backfill", begin, begin.end_ms + 1_000, origin_ms=DAY.start_ms)
    silent = hours(6, 8)
    exchanges.add_events(
        [
            MarketEvent(
                kind="hidden",
                exchange="coinbaseexchange",
                start_ms=silent.start_ms,
                end_ms=silent.end_ms,
                until_ms=silent.end_ms + 5 * MINUTE_MS,
            )
        ]
    )
    follow(settings, exchanges, hours(0, 8.5).end_ms, begin.end_ms)
    exchanges.set_clock(NOW_MS)
    run_steps(settings, "catch_up", Window(DAY.end_ms - 5 * MINUTE_MS, DAY.end_ms), NOW_MS, origin_ms=DAY.start_ms)
    run_steps(settings, "repair", None, NOW_MS, origin_ms=DAY.start_ms)
    own = stored(settings.influxdb_bucket, "exchange_candles", "BTC/USD", "coinbaseexchange")
    assert within(own, silent) == truth("coinbaseexchange", silent)
    assert within(stored(settings.influxdb_bucket, "candles", "BTC/USD"), DAY) == merged_truth(THREE, DAY, par=True)


def test_one_bad_row_for_good_stops_the_watermark_and_nothing_else(settings, exchanges, monkeypatch):
    settings = with_settings(settings, catch_up_initial_days=1)
    noon = hours(12, 12).start_ms
    bad_ms = noon + 7 * MINUTE_MS
    exchanges.add_events(
        [
            MarketEvent(
                kind="wrong_row", exchange="kucoin", start_ms=bad_ms, end_ms=bad_ms + MINUTE_MS, row="high_below_low"
            )
        ]
    )
    exchanges.set_clock(noon + 1_000)
    run_steps(settings, "catch_up", None, noon + 1_000, {"start": "2026-03-10T10:00Z"})
    for now_ms in range(noon + CATCH_UP_MS, noon + 2 * HOUR_MS + 1, CATCH_UP_MS):
        exchanges.set_clock(now_ms + 1_000)
        newest = Window(now_ms - CATCH_UP_MS, now_ms)
        run_steps(settings, "catch_up", newest, now_ms + 1_000)
        assert stored(settings.influxdb_bucket, "candles", "BTC/USD", window=newest)[-1][0] == now_ms - MINUTE_MS
    merged = stored(settings.influxdb_bucket, "candles", "BTC/USD")
    assert merged[-1][0] == now_ms - MINUTE_MS
    assert len(within(merged, hours(10, 14))) == 4 * 60 - 1
    assert watermarks(settings.influxdb_bucket, "btcusd-catch_up") == {"btcusd-catch_up": bad_ms - MINUTE_MS}
    monkeypatch.setenv("CANDLE_INGEST_EXCHANGES", ",".join(THREE))
    monkeypatch.setenv("CANDLE_INGEST_QUOTE_CONVERSION", "par")
    monkeypatch.setenv("CANDLE_INGEST_INFLUXDB_BUCKET", settings.influxdb_bucket)
    monkeypatch.setattr(status_command, "now_ms", lambda: now_ms + 1_000)
    shown = CliRunner().invoke(app, ["status"])
    [line] = [line for line in shown.output.splitlines() if "rejected" in line]
    assert line.startswith("BTC/USD @ kucoin, 2026-03-10: 1 candle rejected since 2026-03-10T12:")
    assert "prices not ordered low <= open, close <= high" in line


def test_one_symbol_whose_merge_fails_holds_no_other_watermark(settings, redis_server):
    redis_server.client().set("top_cryptocurrencies", json.dumps(["btcusd", "ethusd"]))
    run_steps(settings, "backfill", hours(0, 2), NOW_MS, origin_ms=DAY.start_ms)
    with InfluxBucket(connect_influxdb(), settings.influxdb_bucket) as bucket:
        off_grid_ms = hours(2, 2).start_ms + 30_000
        bucket.write_lines([f"exchange_candles,currency_pair=ETH/USD,exchange=kucoin close=1.0 {off_grid_ms}"])
    result = run_steps(settings, "backfill", hours(2, 4), NOW_MS, origin_ms=DAY.start_ms)
    assert "ETH/USD" in str(result.incomplete)
    assert "BTC/USD" not in str(result.incomplete)
    mark = {"btcusd-backfill": hours(0, 4).end_ms - MINUTE_MS}
    assert watermarks(settings.influxdb_bucket, *mark) == mark


def test_a_stored_candle_that_cannot_be_read_fails_the_merge_of_its_pair_alone(settings, redis_server):
    redis_server.client().set("top_cryptocurrencies", json.dumps(["btcusd", "ethusd"]))
    run_steps(settings, "backfill", hours(0, 2), NOW_MS, origin_ms=DAY.start_ms)
    with InfluxBucket(connect_influxdb(), settings.influxdb_bucket) as bucket:
        half_past_ms = hours(1, 1).start_ms + 30_000
        bucket.write_lines([f"exchange_candles,currency_pair=ETH/USD,exchange=kucoin close=1.0 {half_past_ms}"])
    again = run_steps(settings, "backfill", hours(0, 2), NOW_MS, {"refetch": True}, origin_ms=DAY.start_ms)
    assert again.failed == {}
    assert "ETH/USD" in str(again.incomplete)
    assert "BTC/USD" not in str(again.incomplete)


@pytest.mark.parametrize(
    "series", ["day_records,currency_pair=ETH/USD,exchange=kucoin", "merge_days,currency_pair=ETH/USD"]
)
def test_an_unreadable_record_holds_back_its_pair_alone_in_every_run(settings, redis_server, exchanges, series):
    redis_server.client().set("top_cryptocurrencies", json.dumps(["btcusd", "ethusd"]))
    settings = with_settings(settings, symbols_per_fetch=10)
    run_steps(settings, "backfill", hours(0, 12), NOW_MS, origin_ms=DAY.start_ms)
    with InfluxBucket(connect_influxdb(), settings.influxdb_bucket) as bucket:
        bucket.write_lines([f'{series} record="{{}}" {DAY.start_ms}'])
    for end_hour, kind in ((18, "backfill"), (24, "backfill"), (24, "repair")):
        window = hours(end_hour - 6, end_hour) if kind == "backfill" else None
        result = run_steps(settings, kind, window, NOW_MS, origin_ms=DAY.start_ms)
        measurement = series.partition(",")[0]
        told = f"{result.incomplete} {[*result.failed.values()]}"
        if kind == "backfill":
            assert f"the point of {measurement} is not the record of a" in told
            assert "BTC/USD:" not in told
        mark = {"btcusd-backfill": hours(0, end_hour).end_ms - MINUTE_MS}
        assert watermarks(settings.influxdb_bucket, *mark) == mark


def test_an_unreadable_record_of_a_rate_holds_back_the_pairs_that_it_converts_alone(settings, redis_server):
    redis_server.client().set("top_cryptocurrencies", json.dumps(["btcusd", "ethbtc"]))
    settings = with_settings(settings, quote_conversion="observed", exchanges=("binance", "kucoin"))
    with InfluxBucket(connect_influxdb(), settings.influxdb_bucket) as bucket:
        bucket.write_lines([f'day_records,currency_pair=USDT/USD,exchange=kraken record="{{}}" {DAY.start_ms}'])
        result = run_steps(settings, "backfill", DAY, NOW_MS, origin_ms=DAY.start_ms)
    assert "BTC/USD: USDT/USD @ kraken, 2026-03-10T00:00:00Z: the point of day_records" in str(result.incomplete)
    assert "ETH/BTC" not in str(result.incomplete)
    keys = ["btcusd-backfill", "ethbtc-backfill"]
    assert watermarks(settings.influxdb_bucket, *keys) == {"ethbtc-backfill": DAY.end_ms - MINUTE_MS}


def test_a_foreign_field_beside_the_candles_disturbs_no_run(settings):
    run_steps(settings, "backfill", hours(0, 2), NOW_MS, origin_ms=DAY.start_ms)
    with InfluxBucket(connect_influxdb(), settings.influxdb_bucket) as bucket:
        for series in ("exchange_candles,currency_pair=BTC/USD,exchange=kucoin", "candles,currency_pair=BTC/USD"):
            bucket.write_lines([f'{series} note="seen",score=1.0 {DAY.start_ms}'])
        again = run_steps(settings, "backfill", hours(0, 2), NOW_MS, {"refetch": True}, origin_ms=DAY.start_ms)
        assert (again.failed, again.incomplete) == ({}, None)
        assert len(CandleStore(bucket).read_merged("BTC/USD", hours(0, 2))) == 120


def test_two_tasks_that_record_the_same_day_at_once_lose_nothing(settings):
    halves = [
        threading.Thread(target=run_steps, args=(settings, "backfill", w, NOW_MS))
        for w in (hours(0, 12), hours(12, 24))
    ]
    for half in halves:
        half.start()
    for half in halves:
        half.join()
    run_steps(settings, "repair", None, NOW_MS + HOUR_MS)
    assert {record.counts().not_asked for record in day_records(settings.influxdb_bucket).values()} == {0}
    assert stored(settings.influxdb_bucket, "candles", "BTC/USD") == merged_truth(THREE, DAY, par=True)


@pytest.mark.parametrize("where", ["redis", "params"])
def test_one_pair_in_many_spellings_is_one_symbol_with_a_watermark_each(settings, redis_server, where):
    names = ["btcusd", "BTC/USD", "XBT-USD", "ethusd"]
    redis_server.client().set("top_cryptocurrencies", json.dumps(names if where == "redis" else ["btcusd"]))
    params = {"symbols": names} if where == "params" else {}
    result = run_steps(settings, "backfill", hours(0, 1), NOW_MS, params, origin_ms=DAY.start_ms)
    assert sorted(result.plan.pairs) == ["BTC/USD", "ETH/USD"]
    assert result.written["BTC/USD"] == 60
    keys = [f"{name}-backfill" for name in names]
    assert watermarks(settings.influxdb_bucket, *keys) == dict.fromkeys(keys, hours(0, 1).end_ms - MINUTE_MS)


def test_a_new_spelling_takes_over_the_watermark_of_the_pair(settings, redis_server):
    run_steps(settings, "backfill", hours(0, 1), NOW_MS, origin_ms=DAY.start_ms)
    redis_server.client().set("top_cryptocurrencies", json.dumps(["BTC/USD"]))
    run_steps(settings, "backfill", hours(1, 2), NOW_MS, origin_ms=DAY.start_ms)
    assert watermarks(settings.influxdb_bucket, "BTC/USD-backfill") == {
        "BTC/USD-backfill": hours(0, 2).end_ms - MINUTE_MS
    }


def test_a_refetch_that_fails_for_one_symbol_of_a_batch_reports_only_that_one(settings, exchanges, redis_server):
    redis_server.client().set("top_cryptocurrencies", json.dumps(["btcusd", "ethusd"]))
    settings = with_settings(settings, exchanges=("kucoin",))
    run_steps(settings, "backfill", DAY, NOW_MS)
    exchanges.set_fault("kucoin", "gone", market="ETH/USDT")
    run = steps.make_run(settings, "backfill", {"refetch": True}, DAY, None, NOW_MS)
    plan = validate_symbols(run, ["btcusd", "ethusd"])
    [markets] = [batch.markets for batch in plan.batches if batch.exchange == "kucoin"]
    batch = FetchBatch(exchange="kucoin", markets=markets)
    result = steps.StepResult(plan)
    assert steps.fetch_or_note(run, batch, result) == []
    with pytest.raises(steps.CandleIngestError, match="ETH/USD: the candles of ") as told:
        steps.aggregate_and_write(run, plan, [])
    assert "BTC/USD" not in str(told.value)


def test_after_eight_days_off_gate_serves_what_it_still_has_at_once(settings, exchanges):
    settings = with_settings(
        settings,
        exchanges=("okx", "gate"),
        backfill_start_date="skip",
        catch_up_initial_days=1,
    )
    noon = hours(12, 12).start_ms
    exchanges.set_clock(noon + 30_000)
    run_steps(settings, "catch_up", Window(noon - 5 * MINUTE_MS, noon), noon + 30_000)
    later = noon + 8 * DAY_MS
    exchanges.set_clock(later + 30_000)
    run_steps(settings, "catch_up", Window(later - 5 * MINUTE_MS, later), later + 30_000)
    gate = [row[0] for row in stored(settings.influxdb_bucket, "exchange_candles", "BTC/USD", "gate")]
    assert gate[-1] == later - MINUTE_MS
    assert sum(time_ms >= noon for time_ms in gate) >= 9_900
    gone = [
        s
        for (_, exchange, _), record in day_records(settings.influxdb_bucket, Window(noon, later)).items()
        for s in record.stretches
        if exchange == "gate" and s.state == MinuteState.UNOBTAINABLE
    ]
    assert sum(s.window.slots(MINUTE_MS) for s in gone) == 8 * 1440 - sum(time_ms >= noon for time_ms in gate)
    assert all("serves only its last" in s.reason for s in gone)
    assert stored(settings.influxdb_bucket, "candles", "BTC/USD")[-1][0] == later - MINUTE_MS


def test_one_empty_page_in_five_loses_no_candle_in_the_end(settings, exchanges):
    settings = with_settings(settings, exchanges=("coinbaseexchange",))
    exchanges.set_fault("coinbaseexchange", "empty", path="candles", chance=0.2, seed=7)
    days = Window(DAY.start_ms - 4 * DAY_MS, DAY.end_ms)
    for start_ms in range(days.start_ms, days.end_ms, DAY_MS):
        run_steps(settings, "backfill", Window(start_ms, start_ms + DAY_MS), NOW_MS, origin_ms=days.start_ms)
    for later_hours in (2, 30, 60, 140):
        exchanges.set_clock(NOW_MS + later_hours * HOUR_MS)
        run_steps(settings, "repair", None, NOW_MS + later_hours * HOUR_MS)
    own = stored(settings.influxdb_bucket, "exchange_candles", "BTC/USD", "coinbaseexchange")
    assert within(own, days) == truth("coinbaseexchange", days)


def test_an_exchange_without_the_pair_is_not_waited_for_and_the_day_is_final(settings):
    settings = with_settings(settings, exchanges=("binance", "coinbaseexchange"), quote_equivalents={"USD": ("USD",)})
    result = run_steps(settings, "backfill", DAY, NOW_MS, origin_ms=DAY.start_ms)
    found = day_records(settings.influxdb_bucket)
    assert found["BTC/USD", "binance", DAY.start_ms].state == RecordState.FINAL
    assert found["BTC/USD", "binance", DAY.start_ms].counts().not_listed == 1440
    assert result.written == {"BTC/USD": 1434}


def test_an_exchange_added_later_asks_for_no_history_and_leaves_it_incomplete(settings):
    first = with_settings(settings, exchanges=THREE[:2])
    run_steps(first, "backfill", DAY, NOW_MS, origin_ms=DAY.start_ms)
    later = run_steps(settings, "repair", None, NOW_MS + HOUR_MS, origin_ms=DAY.start_ms)
    assert (later.requests, later.plan.batches) == (0, [])
    assert ("BTC/USD", "kucoin", DAY.start_ms) not in day_records(settings.influxdb_bucket)
    run_steps(settings, "backfill", DAY, NOW_MS + 2 * HOUR_MS, origin_ms=DAY.start_ms)
    assert stored(settings.influxdb_bucket, "candles", "BTC/USD") == merged_truth(THREE, DAY, par=True)
