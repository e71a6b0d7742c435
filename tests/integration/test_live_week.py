"""A live week in minutes: all three kinds of runs follow exchanges that are late, silent, wrong, down and corrected.

The short form follows five days of it, in longer steps and on fewer exchanges: as few as have each kind of trouble.
"""

from __future__ import annotations

import json
import os
import random

import pytest

from candle_ingest.candles.window import DAY_MS, HOUR_MS, MINUTE_MS, Window, split_days
from candle_ingest.errors.runs import MarketsUnreachableError
from candle_ingest.ledger.day_record import RecordState
from dev.exchange_simulator.coins import utc_ms
from dev.exchange_simulator.market_events import MarketEvent
from dev.exchange_simulator.process import SimulatorProcess
from tests.integration.steps import day_records, merged_truth, run_steps, stored, watermarks, with_settings

pytestmark = pytest.mark.integration
START_MS = utc_ms("2026-03-09")
LONG = os.environ.get("CANDLE_TESTS") == "long"
DAYS = 7 if LONG else 5
END_MS = START_MS + DAYS * DAY_MS
WEEK = Window(START_MS, END_MS)
# Catch-up begins on the third day and looks one day back; the first two days are backfilled two days later.
LIVE_MS, BACKFILL_MS = START_MS + 2 * DAY_MS, START_MS + 4 * DAY_MS + 6 * HOUR_MS
# Every five minutes by default; here seldom enough for the week to take minutes.
CATCH_UP_MS, REPAIR_MS = (HOUR_MS, 2 * HOUR_MS) if LONG else (3 * HOUR_MS, 6 * HOUR_MS)
EXCHANGES = ("binance", "coinbaseexchange", "kucoin", "htx")[: 4 if LONG else 3]
PAIRS = {"btcusd": "BTC/USD", "solusd": "SOL/USD"}
SEED = int(os.environ.get("CANDLE_TESTS_SEED", "20261125"))


def trouble(dice: random.Random, exchanges: SimulatorProcess) -> None:
    """Each exchange is unreachable at the start, late, silent, wrong in rows, corrected, and gone for a day."""
    for exchange in EXCHANGES:
        exchanges.add_events(events_of(exchange, dice))
        gone_ms = START_MS + dice.randrange(3, DAYS - 1) * DAY_MS + dice.randrange(24) * HOUR_MS
        first_ms = LIVE_MS + dice.randrange(1, 6) * HOUR_MS
        for from_ms, until_ms in ((LIVE_MS, first_ms), (gone_ms, min(gone_ms + DAY_MS, END_MS))):
            exchanges.set_fault(exchange, "status", status=503, from_ms=from_ms, until_ms=until_ms)


def events_of(exchange: str, dice: random.Random) -> list[MarketEvent]:
    late_ms, silent_ms = (START_MS + dice.randrange(2, DAYS) * DAY_MS + dice.randrange(20) * HOUR_MS for _ in "12")
    wrong_ms = sorted(START_MS + dice.randrange(DAYS * 1440) * MINUTE_MS for _ in range(5))
    late = MarketEvent(
        kind="hidden",
        exchange=exchange,
        start_ms=late_ms,
        end_ms=late_ms + 3 * HOUR_MS,
        delay_seconds=dice.randrange(600, 7200),
    )
    silent = MarketEvent(
        kind="hidden",
        exchange=exchange,
        start_ms=silent_ms,
        end_ms=silent_ms + 4 * HOUR_MS,
        until_ms=silent_ms + 6 * HOUR_MS,
    )
    wrong = [
        MarketEvent(
            kind="wrong_row",
            exchange=exchange,
            start_ms=at_ms,
            end_ms=at_ms + MINUTE_MS,
            row="high_below_low",
            until_ms=at_ms + 12 * HOUR_MS,
        )
        for at_ms in wrong_ms
    ]
    corrected = MarketEvent(kind="revised", exchange=exchange, start_ms=START_MS, end_ms=END_MS, delay_seconds=1800)
    return [late, silent, *wrong, corrected]


class LiveWeek:
    """Runs of the three DAGs by a clock that is set by hand, and what came of them."""

    def __init__(self, settings, exchanges, redis_server) -> None:
        self.settings = settings
        self.exchanges = exchanges
        self.redis = redis_server.client()
        self.calls = dict.fromkeys(("catch_up", "repair", "backfill"), 0)
        self.runs = dict.fromkeys(self.calls, 0)
        self.announced: list[tuple[str, str]] = []

    def follow(self) -> None:
        """Let the days pass, and two days after it."""
        for now_ms in range(LIVE_MS + CATCH_UP_MS, END_MS + 2 * DAY_MS + 1, CATCH_UP_MS):
            if now_ms <= END_MS:
                self.run("catch_up", now_ms, Window(now_ms - CATCH_UP_MS, now_ms))
            if now_ms == BACKFILL_MS:
                for day in range(2):
                    start_ms = START_MS + day * DAY_MS
                    self.run("backfill", now_ms, Window(start_ms, start_ms + DAY_MS))
            if now_ms % REPAIR_MS == 0:
                self.run("repair", now_ms, None)

    def run(self, kind: str, now_ms: int, interval: Window | None) -> None:
        self.exchanges.set_clock(now_ms + 1_000)
        self.forget_outages(now_ms)
        self.runs[kind] += 1
        try:
            result = run_steps(self.settings, kind, interval, now_ms + 1_000, origin_ms=START_MS)
        except MarketsUnreachableError:
            # All are unreachable at the start.
            assert now_ms < LIVE_MS + 6 * HOUR_MS
            return
        self.calls[kind] += result.requests
        for event in (event for event in result.events if event["state"] == "final"):
            self.announced += [(day["pair"], day["day"]) for day in event["days"]]
            assert_announced_days_are_true(self.settings, event)

    def forget_outages(self, now_ms: int) -> None:
        """Forget what is kept by the real clock: that an exchange was found down, and the lists of markets."""
        patterns = ["candle_ingest:pause:*", "candle_ingest:down:*", "candle_ingest:failures:*"]
        patterns += ["candle_ingest:markets:*:fresh"] if now_ms % (6 * HOUR_MS) == 0 else []
        for pattern in patterns:
            for key in self.redis.scan_iter(pattern):
                self.redis.delete(key)


@pytest.mark.timeout(1800)
def test_two_days_after_days_of_trouble_every_minute_is_true_and_final(make_settings, exchanges, redis_server):
    print("CANDLE_TESTS_SEED", SEED)  # noqa: T201 - to repeat it
    redis_server.client().set("top_cryptocurrencies", json.dumps(list(PAIRS)))
    # At par: markets of rates have tests of their own, and would be half of the requests here.
    settings = with_settings(
        make_settings(EXCHANGES), catch_up_initial_days=1, symbols_per_fetch=25, quote_conversion="par"
    )
    trouble(random.Random(SEED), exchanges)
    week = LiveWeek(settings, exchanges, redis_server)
    week.follow()
    first_looks = week.runs["catch_up"] * len(PAIRS) * len(EXCHANGES)
    print("runs", week.runs, "calls", week.calls, "first looks of catch-up", first_looks)  # noqa: T201 - the cost
    assert week.calls["backfill"] > 0
    for pair in PAIRS.values():
        truth = [row for day in split_days(WEEK) for row in true_day(pair, day)]
        assert stored(settings.influxdb_bucket, "candles", pair, window=WEEK) == truth, pair
    states = {key: record.state for key, record in day_records(settings.influxdb_bucket, WEEK).items()}
    assert {key: state for key, state in states.items() if state != RecordState.FINAL} == {}
    assert len(states) == len(EXCHANGES) * len(PAIRS) * DAYS
    assert len(week.announced) == len(set(week.announced)) == len(PAIRS) * DAYS
    keys = [f"{ticker}-{kind}" for ticker in PAIRS for kind in ("backfill", "catch_up", "final")]
    assert watermarks(settings.influxdb_bucket, *keys) == dict.fromkeys(keys, END_MS - MINUTE_MS)


def assert_announced_days_are_true(settings, event) -> None:
    """Check that no event is early: what it calls final is what the exchanges have."""
    for day in event["days"]:
        start_ms = utc_ms(day["day"])
        window = Window(start_ms, start_ms + DAY_MS)
        rows = stored(settings.influxdb_bucket, "candles", day["pair"], window=window)
        assert rows == true_day(day["pair"], window), day


def true_day(pair: str, day: Window) -> list[tuple]:
    """Return the merged candles of a day; it is checked when it is announced, and once more at the end."""
    return merged_truth(EXCHANGES, day, pair, par=True)
