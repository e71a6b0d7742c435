"""Candles that are gone from the bucket: no merge leaves them out unnoticed, and they are requested again."""

from __future__ import annotations

import json
from contextlib import suppress

import pytest
from typer.testing import CliRunner

from candle_ingest.__main__ import app
from candle_ingest.candles.window import HOUR_MS, MINUTE_MS, Window
from candle_ingest.connections import connect_influxdb
from candle_ingest.ledger.day_record import RecordState
from candle_ingest.ledger.day_records import DayRecords
from candle_ingest.ledger.record_keeper import RecordKeeper
from candle_ingest.merging import day_merger
from candle_ingest.store.bucket import InfluxBucket
from candle_ingest.store.outdated_points import delete_windows
from dev.exchange_simulator.market_events import MarketEvent
from tests.integration.steps import (
    DAY,
    THREE,
    hours,
    merged_days,
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
TOLD = "candles of [2026-03-10T01:00Z, 2026-03-10T02:00Z)"


@pytest.fixture
def settings(make_settings):
    return make_settings(THREE, quote_conversion="par")


def delete(settings, window: Window, pair: str = "BTC/USD", exchange: str = "kucoin") -> None:
    """Delete the exchange's own candles; the merged ones if it is empty."""
    with InfluxBucket(connect_influxdb(), settings.influxdb_bucket) as bucket:
        delete_windows(bucket, "exchange_candles" if exchange else "candles", pair, [window], exchange)


def candles(settings, pair: str = "BTC/USD") -> list[tuple]:
    return stored(settings.influxdb_bucket, "candles", pair)


def merged_state(settings, pair: str = "BTC/USD") -> RecordState:
    return merged_days(settings.influxdb_bucket)[pair, DAY.start_ms].state


def test_a_final_day_that_is_merged_again_keeps_what_was_merged_of_lost_candles(settings, redis_server):
    redis_server.client().set("top_cryptocurrencies", json.dumps(["btcusd", "solusd"]))
    run_steps(settings, "backfill", DAY, NOW_MS, origin_ms=DAY.start_ms)
    before = candles(settings)
    delete(settings, hours(1, 2))
    extremes = with_settings(settings, high_low="extremes")
    first = run_steps(extremes, "repair", None, NOW_MS + HOUR_MS, origin_ms=DAY.start_ms)
    right = merged_truth(THREE, DAY, par=True, extremes=True)
    assert [
        f"BTC/USD @ kucoin: exchange_candles has lost 60 {TOLD}" in text and text.endswith("[candles-lost]")
        for text in first.told
    ] == [True]
    assert within(candles(settings), hours(1, 2)) == within(before, hours(1, 2))
    assert within(candles(settings), hours(2, 24)) == within(right, hours(2, 24))
    assert candles(settings, "SOL/USD") == merged_truth(THREE, DAY, "SOL/USD", par=True, extremes=True)
    assert (merged_state(settings), merged_state(settings, "SOL/USD")) == (RecordState.OPEN, RecordState.FINAL)
    later = run_steps(extremes, "repair", None, NOW_MS + 2 * HOUR_MS, origin_ms=DAY.start_ms)
    assert stored(settings.influxdb_bucket, "exchange_candles", "BTC/USD", "kucoin") == truth("kucoin", DAY)
    assert (candles(settings), merged_state(settings)) == (right, RecordState.FINAL)
    assert (later.told, later.events) == ([], [])


def test_an_open_day_leaves_no_exchange_out_whose_candles_are_lost(settings, exchanges):
    moment = Window(hours(1.5, 2).start_ms, hours(1.5, 2).start_ms + MINUTE_MS)
    now_ms = hours(6, 6).start_ms
    exchanges.add_events(
        [
            MarketEvent(
                kind="revised", exchange="binance", start_ms=moment.start_ms, end_ms=moment.end_ms, until_ms=now_ms
            )
        ]
    )
    exchanges.set_clock(now_ms - 1)
    run_steps(settings, "backfill", hours(0, 5), now_ms, origin_ms=DAY.start_ms)
    before = candles(settings)
    delete(settings, hours(1, 2))
    exchanges.set_clock(now_ms)
    killed = ("kucoin", "coinbaseexchange")
    run = run_steps(settings, "backfill", hours(0, 5), now_ms, {"refetch": True}, DAY.start_ms, killed=killed)
    assert [f"BTC/USD @ kucoin: exchange_candles has lost 60 {TOLD}" in text for text in run.told] == [True]
    assert candles(settings) == before
    exchanges.set_clock(now_ms + HOUR_MS)
    run_steps(settings, "repair", None, now_ms + HOUR_MS, origin_ms=DAY.start_ms)
    assert candles(settings) == merged_truth(THREE, hours(0, 5), par=True)
    again = run_steps(settings, "backfill", hours(5, 6), now_ms + HOUR_MS, origin_ms=DAY.start_ms)
    assert (again.incomplete, again.told) == (None, [])
    assert watermarks(settings.influxdb_bucket, "btcusd-backfill") == {"btcusd-backfill": now_ms - MINUTE_MS}


def test_candles_lost_before_they_were_ever_merged_hold_their_minutes_back(settings):
    run_steps(settings, "backfill", hours(0, 5), NOW_MS, origin_ms=DAY.start_ms, merge=False)
    delete(settings, hours(1, 2))
    run = run_steps(settings, "backfill", hours(0, 5), NOW_MS, origin_ms=DAY.start_ms)
    assert candles(settings) == merged_truth(THREE, hours(0, 1), par=True) + merged_truth(THREE, hours(2, 5), par=True)
    assert "BTC/USD: 60 candles are not merged, from 2026-03-10T01:00Z on: kucoin failed: its candles are gone" in str(
        run.incomplete
    )
    run_steps(settings, "repair", None, NOW_MS + HOUR_MS, origin_ms=DAY.start_ms)
    assert candles(settings) == merged_truth(THREE, DAY, par=True)


def test_a_lost_candle_of_a_rate_changes_no_merged_candle(settings, redis_server):
    observed = with_settings(settings, quote_conversion="observed")
    run_steps(observed, "backfill", DAY, NOW_MS, origin_ms=DAY.start_ms)
    before = candles(settings)
    delete(settings, hours(1, 2), "USDT/USD", "kraken")
    extremes = with_settings(observed, high_low="extremes")
    first = run_steps(extremes, "repair", None, NOW_MS + HOUR_MS, origin_ms=DAY.start_ms)
    assert any("USDT/USD @ kraken: " in text and TOLD in text for text in first.told)
    assert within(candles(settings), hours(1, 2)) == within(before, hours(1, 2))
    run_steps(extremes, "repair", None, NOW_MS + 2 * HOUR_MS, origin_ms=DAY.start_ms)
    assert candles(settings) == merged_truth(THREE, DAY, extremes=True)


def test_candles_that_keep_vanishing_during_a_merge_are_an_error_of_their_pair(settings, redis_server, monkeypatch):
    """Another program deletes them after each look: here the record is never corrected, which comes to the same."""
    redis_server.client().set("top_cryptocurrencies", json.dumps(["btcusd", "solusd"]))
    run_steps(settings, "backfill", hours(0, 5), NOW_MS, origin_ms=DAY.start_ms, merge=False)
    delete(settings, hours(1, 2))
    monkeypatch.setattr(day_merger, "retry_lost_candles", lambda *_: None)
    run = run_steps(settings, "backfill", hours(0, 5), NOW_MS, origin_ms=DAY.start_ms)
    assert str(run.incomplete).endswith("BTC/USD: candles vanished in each of 5 merges of the day [merges-delayed]")
    assert candles(settings, "SOL/USD") == merged_truth(THREE, hours(0, 5), "SOL/USD", par=True)


@pytest.mark.parametrize("end", ["killed", "without its lock"])
def test_lost_candles_are_told_though_their_task_is_killed_or_loses_its_lock(settings, redis_server, monkeypatch, end):
    run_steps(settings, "backfill", hours(0, 5), NOW_MS, origin_ms=DAY.start_ms, merge=False)
    delete(settings, hours(1, 2))
    real, client = DayRecords.write, redis_server.client()

    def write(self, records):
        real(self, records)
        monkeypatch.setattr(DayRecords, "write", real)
        if end == "killed":
            raise SystemExit
        client.delete(*client.keys("candle_ingest:lock:records:*"))

    mark = RecordKeeper.retry_lost

    def mark_with_it(self, *args):
        monkeypatch.setattr(DayRecords, "write", write)
        monkeypatch.setattr(RecordKeeper, "retry_lost", mark)
        return mark(self, *args)

    monkeypatch.setattr(RecordKeeper, "retry_lost", mark_with_it)
    told: list[str] = []
    for hour in (0, 1):
        with suppress(SystemExit):
            run_steps(settings, "repair", None, NOW_MS + hour * HOUR_MS, origin_ms=DAY.start_ms, told=told)
    assert [f"BTC/USD @ kucoin: exchange_candles has lost 60 {TOLD}" in text for text in told] == [True]


def test_no_export_passes_over_merged_candles_that_are_gone(settings, monkeypatch, tmp_path):
    monkeypatch.setenv("CANDLE_INGEST_EXCHANGES", ",".join(THREE))
    monkeypatch.setenv("CANDLE_INGEST_QUOTE_CONVERSION", "par")
    monkeypatch.setenv("CANDLE_INGEST_INFLUXDB_BUCKET", settings.influxdb_bucket)
    run_steps(settings, "backfill", DAY, NOW_MS, origin_ms=DAY.start_ms)
    call = ["export", "BTC/USD", "--from", "2026-03-10", "--to", "2026-03-10T20:00Z"]
    call += ["--to-file", str(tmp_path / "btc.csv")]
    assert CliRunner().invoke(app, call).exit_code == 0
    delete(settings, hours(1, 2), exchange="")
    refused = CliRunner().invoke(app, call)
    said = "BTC/USD: merged candles are gone for [2026-03-10T00:00Z, 2026-03-10T20:00Z): 60 candles in all; a backfill"
    assert (refused.exit_code, said in refused.output) == (1, True), refused.output
    assert CliRunner().invoke(app, [*call, "--allow-incomplete"]).exit_code == 0
    again = run_steps(settings, "backfill", DAY, NOW_MS, {"refetch": True}, DAY.start_ms)
    assert (again.incomplete, CliRunner().invoke(app, call).exit_code) == (None, 0)
    assert candles(settings) == merged_truth(THREE, DAY, par=True)
