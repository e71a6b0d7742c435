"""The day that the tests of this folder fill, and the runs that fill it."""

from __future__ import annotations

from candle_ingest.candles.window import DAY_MS, HOUR_MS, Window
from dev.exchange_simulator.coins import utc_ms
from tests.integration.steps import run_steps

EXCHANGES = ("binance", "coinbaseexchange")
# No market is silent on it for long, nor at its end.
DAY = Window(utc_ms("2026-03-11"), utc_ms("2026-03-12"))
# The present of the commands and of the exchanges: the day was requested after it was over, and so is closed.
NOW_MS = DAY.end_ms + 2 * HOUR_MS
NOON_MS = DAY.start_ms + DAY_MS // 2


def fill(settings):
    """Fill the whole day, and what has come since."""
    run_steps(settings, "backfill", DAY, NOW_MS, origin_ms=DAY.start_ms)
    catch_up(settings, origin_ms=DAY.start_ms)


def catch_up(settings, **options):
    run_steps(settings, "catch_up", Window(NOW_MS - 300_000, NOW_MS), NOW_MS, **options)


def fill_without_coinbase(settings, exchanges):
    exchanges.set_fault("coinbaseexchange", "status", status=503, path="BTC-USD/candles")
    fill(settings)
    exchanges.clear_faults()
