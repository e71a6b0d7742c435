"""Locks in Redis that are lost while a task works under them: nothing stays wrong, or goes back."""

from __future__ import annotations

import threading
import time
from contextlib import suppress

import pytest

from candle_ingest.candles.window import HOUR_MS, MINUTE_MS, Window
from candle_ingest.connections import connect_influxdb, connect_redis
from candle_ingest.ledger import locks, merge_writes
from candle_ingest.ledger.day_records import DayRecords
from candle_ingest.ledger.watermarks import Watermarks, advance_together
from candle_ingest.store.bucket import InfluxBucket
from candle_ingest.store.candle_store import CandleStore
from dev.exchange_simulator.market_events import MarketEvent
from tests.integration.steps import DAY, THREE, merged_truth, run_steps, stored, watermarks, with_settings

pytestmark = pytest.mark.integration
NOW_MS = DAY.end_ms + 2 * HOUR_MS


class Killed(BaseException):
    """Ends a task at once; nothing in the package handles it."""


def until_killed(settings):
    def repair():
        with suppress(Killed):
            run_steps(settings, "repair", None, NOW_MS)

    return repair


def test_a_watermark_never_goes_back_though_its_lock_was_lost(settings, monkeypatch):
    monkeypatch.setattr(locks, "LOCK_SECONDS", 1)

    def advance(value: int, pause_seconds: float) -> None:
        with connect_redis() as client, InfluxBucket(connect_influxdb(), settings.influxdb_bucket) as bucket:
            write = bucket.write_points

            def write_late(points):
                time.sleep(pause_seconds)
                write(points)

            monkeypatch.setattr(bucket, "write_points", write_late)
            advance_together(client, Watermarks(bucket), {"btcusd-catch_up": value}, {})

    advance(100, 0)
    slow = threading.Thread(target=advance, args=(150, 3))
    slow.start()
    time.sleep(0.5)
    advance(200, 0)
    slow.join()
    assert watermarks(settings.influxdb_bucket, "btcusd-catch_up") == {"btcusd-catch_up": 200}


def test_a_merge_that_lost_its_lock_spoils_nothing_for_good(settings, exchanges, monkeypatch):
    """The one that read before a correction writes last."""
    last_ms = DAY.end_ms - MINUTE_MS
    exchanges.add_events(
        [MarketEvent(kind="revised", exchange="binance", start_ms=last_ms, end_ms=DAY.end_ms, until_ms=NOW_MS)]
    )
    exchanges.set_clock(NOW_MS - 1)
    run_steps(settings, "backfill", DAY, NOW_MS, merge=False)
    monkeypatch.setattr(locks, "LOCK_SECONDS", 1)
    has_read, real = threading.Event(), CandleStore.write_merged

    def write_merged(self, merged):
        if not has_read.is_set():
            has_read.set()
            time.sleep(4)
        real(self, merged)

    monkeypatch.setattr(CandleStore, "write_merged", write_merged)
    slow = threading.Thread(target=run_steps, args=(settings, "repair", None, NOW_MS))
    slow.start()
    has_read.wait(20)
    exchanges.set_clock(NOW_MS)
    run_steps(settings, "backfill", Window(last_ms, DAY.end_ms), NOW_MS, {"refetch": True})
    slow.join()
    run_steps(settings, "repair", None, NOW_MS + HOUR_MS)
    assert stored(settings.influxdb_bucket, "candles", "BTC/USD") == merged_truth(THREE, DAY)


@pytest.mark.parametrize(
    "last_call", [(CandleStore, "write_merged"), (DayRecords, "write_merged_versions")], ids=["candles", "records"]
)
def test_a_merge_killed_after_it_lost_its_lock_leaves_nothing_wrong(
    settings, exchanges, redis_server, monkeypatch, last_call
):
    """It read before a correction, wrote after a newer merge had, and never learnt that it had lost its lock."""
    settings, noon_ms = with_settings(settings, quote_conversion="par"), DAY.start_ms + 12 * HOUR_MS
    noon = Window(noon_ms, noon_ms + MINUTE_MS)
    exchanges.add_events(
        [MarketEvent(kind="revised", exchange="binance", start_ms=noon.start_ms, end_ms=noon.end_ms, until_ms=NOW_MS)]
    )
    exchanges.set_clock(NOW_MS - 1)
    run_steps(settings, "backfill", DAY, NOW_MS, merge=False)
    has_read, others_wrote, slow = (
        threading.Event(),
        threading.Event(),
        threading.Thread(target=until_killed(settings)),
    )
    real_write, real_last = CandleStore.write_merged, getattr(*last_call)

    def write_merged(self, merged):
        if threading.current_thread() is slow:
            has_read.set()
            others_wrote.wait(60)
        real_write(self, merged)

    def killed_after(self, *args):
        (write_merged if real_last is real_write else real_last)(self, *args)
        if threading.current_thread() is slow and others_wrote.is_set():
            raise Killed

    monkeypatch.setattr(CandleStore, "write_merged", write_merged)
    monkeypatch.setattr(*last_call, killed_after)
    slow.start()
    assert has_read.wait(60)
    client = redis_server.client()
    client.delete(*client.keys("candle_ingest:lock:merge:*"))
    exchanges.set_clock(NOW_MS)
    run_steps(settings, "backfill", noon, NOW_MS, {"refetch": True})
    right = merged_truth(THREE, DAY, par=True)
    assert stored(settings.influxdb_bucket, "candles", "BTC/USD") == right
    others_wrote.set()
    slow.join()
    assert stored(settings.influxdb_bucket, "candles", "BTC/USD") != right
    monkeypatch.setattr(merge_writes, "ABANDONED_MS", -1_000)
    run_steps(settings, "repair", None, NOW_MS + HOUR_MS)
    assert stored(settings.influxdb_bucket, "candles", "BTC/USD") == right
    assert client.keys("candle_ingest:merging:*") == []
