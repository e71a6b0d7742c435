"""A live week in minutes: catch-up and repair follow exchanges that are late, silent, wrong, down and corrected."""

from __future__ import annotations

import json
import random

import pytest

from candle_ingest.candles.window import DAY_MS, MINUTE_MS, Window
from candle_ingest.connections import connect_influxdb
from candle_ingest.ledger.day_record import RecordState
from candle_ingest.ledger.day_records import DayRecords
from candle_ingest.store.bucket import InfluxBucket
from dev.exchange_simulator.coins import utc_ms
from dev.exchange_simulator.market_events import MarketEvent
from dev.exchange_simulator.process import SimulatorProcess
from tests.integration.steps import merged_truth, run_steps, stored, watermarks, with_settings

pytestmark = pytest.mark.integration
HOUR_MS = 60 * MINUTE_MS
START_MS = utc_ms("2026-03-09")
DAYS = 7
# Live, catch-up runs every five minutes; here every two hours, so that the week takes minutes.
STEP_MS = 2 * HOUR_MS
FOUR = ("binance", "coinbaseexchange", "kucoin", "htx")
PAIRS = {"btcusd": "BTC/USD", "ethusd": "ETH/USD", "solusd": "SOL/USD"}
SEED = 20_261_125


def trouble(dice: random.Random, exchanges: SimulatorProcess) -> None:
    """Each exchange is late, silent for four hours, wrong in rows, corrected, and gone for a while, all by chance."""
    events = []
    for exchange in FOUR:
        day_ms = START_MS + dice.randrange(1, DAYS - 1) * DAY_MS
        late_ms = day_ms + dice.randrange(0, 20) * HOUR_MS
        silent_ms = START_MS + dice.randrange(0, DAYS - 1) * DAY_MS + dice.randrange(0, 20) * HOUR_MS
        wrong_ms = START_MS + dice.randrange(0, DAYS * 1440) * MINUTE_MS
        events += [
            MarketEvent(
                kind="hidden",
                exchange=exchange,
                start_ms=late_ms,
                end_ms=late_ms + 3 * HOUR_MS,
                delay_seconds=dice.randrange(600, 7200),
            ),
            MarketEvent(
                kind="hidden",
                exchange=exchange,
                start_ms=silent_ms,
                end_ms=silent_ms + 4 * HOUR_MS,
                until_ms=silent_ms + 6 * HOUR_MS,
            ),
            MarketEvent(
                kind="wrong_row",
                exchange=exchange,
                start_ms=wrong_ms,
                end_ms=wrong_ms + MINUTE_MS,
                row="high_below_low",
                until_ms=wrong_ms + 12 * HOUR_MS,
            ),
            MarketEvent(
                kind="revised",
                exchange=exchange,
                start_ms=START_MS,
                end_ms=START_MS + DAYS * DAY_MS,
                delay_seconds=1800,
            ),
        ]
        if exchange != FOUR[0]:
            gone_ms = START_MS + dice.randrange(1, DAYS - 1) * DAY_MS
            exchanges.set_fault(exchange, "status", status=503, from_ms=gone_ms, until_ms=gone_ms + DAY_MS)
    exchanges.set_fault(FOUR[1], "status", status=503, from_ms=START_MS, until_ms=START_MS + 5 * HOUR_MS)
    exchanges.add_events(events)


def forget_outages(redis_server) -> None:
    """What exchanges asked for, and that they were found down, is kept by the real clock: it is over by the other."""
    client = redis_server.client()
    for pattern in ("candle_ingest:pause:*", "candle_ingest:down:*", "candle_ingest:markets:*:fresh"):
        for key in client.scan_iter(pattern):
            client.delete(key)


@pytest.mark.timeout(1800)
def test_two_days_after_a_week_of_trouble_every_minute_is_true_and_final(make_settings, exchanges, redis_server):
    print("seed", SEED)  # noqa: T201 - to repeat it
    redis_server.client().set("top_cryptocurrencies", json.dumps(list(PAIRS)))
    settings = with_settings(
        make_settings(FOUR, quote_conversion="par"), catch_up_initial_days=1, backfill_start_date="skip"
    )
    trouble(random.Random(SEED), exchanges)
    announced: list[tuple[str, str]] = []
    calls = {"catch_up": 0, "repair": 0}
    end_ms = START_MS + DAYS * DAY_MS
    live = range(START_MS + STEP_MS, end_ms + 1, STEP_MS)
    for now_ms in (*live, *range(end_ms + 3 * HOUR_MS, end_ms + 5 * DAY_MS, 6 * HOUR_MS)):
        exchanges.set_clock(now_ms + 1_000)
        forget_outages(redis_server)
        for kind in ("catch_up", "repair"):
            if kind == "catch_up" and now_ms > end_ms:
                continue
            interval = Window(now_ms - STEP_MS, now_ms) if kind == "catch_up" else None
            params = {"start": "2026-03-09"} if now_ms == START_MS + STEP_MS and kind == "catch_up" else {}
            result = run_steps(settings, kind, interval, now_ms + 1_000, params)
            calls[kind] += result.requests
            for event in (event for event in result.events if event["state"] == "final"):
                announced += [(day["pair"], day["day"]) for day in event["days"]]
                assert_announced_days_are_true(settings, event)
    print("calls", calls)  # noqa: T201 - the cost of the looks
    week = Window(START_MS, end_ms)
    for pair in PAIRS.values():
        found = [row for row in stored(settings.influxdb_bucket, "candles", pair) if row[0] < end_ms]
        assert found == merged_truth(FOUR, week, pair, par=True), pair
    with InfluxBucket(connect_influxdb(), settings.influxdb_bucket) as bucket:
        states = {key: record.state for key, record in DayRecords(bucket).read(week).items()}
    assert {key: state for key, state in states.items() if state != RecordState.FINAL} == {}
    assert len(states) == len(FOUR) * len(PAIRS) * DAYS
    assert len(announced) == len(set(announced)) == len(PAIRS) * DAYS
    finals = watermarks(settings.influxdb_bucket, *(f"{ticker}-final" for ticker in PAIRS))
    assert set(finals.values()) == {end_ms - MINUTE_MS}


def assert_announced_days_are_true(settings, event) -> None:
    """No event comes early: what it calls final is what the exchanges have."""
    for day in event["days"]:
        start_ms = utc_ms(day["day"])
        window = Window(start_ms, start_ms + DAY_MS)
        rows = [r for r in stored(settings.influxdb_bucket, "candles", day["pair"]) if start_ms <= r[0] < window.end_ms]
        assert rows == merged_truth(FOUR, window, day["pair"], par=True), day
