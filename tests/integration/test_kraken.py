"""kraken serves its last 720 candles, and trades for what is older."""

from __future__ import annotations

import json

import pytest

from candle_ingest.candles.candles import Candles
from candle_ingest.candles.resampling import resample
from candle_ingest.candles.timeframe import Timeframe
from candle_ingest.candles.window import DAY_MS, HOUR_MS, MINUTE_MS, Window
from candle_ingest.exchanges.client import ExchangeClient
from candle_ingest.ledger.day_record import RecordState
from dev.exchange_simulator.coins import utc_ms
from tests.integration.steps import day_records, run_steps, stored, truth, with_settings, within

pytestmark = pytest.mark.integration
DAY = Window(utc_ms("2026-03-12"), utc_ms("2026-03-13"))
CANDLES, TRADES = "/0/public/OHLC", "/0/public/Trades"


@pytest.fixture
def settings(make_settings):
    return make_settings(("kraken",))


def hours(first: float, last: float) -> Window:
    return Window(DAY.start_ms + int(first * HOUR_MS), DAY.start_ms + int(last * HOUR_MS))


def record(settings, pair: str = "BTC/USD"):
    return day_records(settings.influxdb_bucket, DAY)[pair, "kraken", DAY.start_ms]


def expected(window: Window, candles_from_ms: int, pair: str = "BTC/USD") -> list[tuple]:
    """The truth: before `candles_from_ms` from trades, where a minute without one has no candle."""
    return [row for row in truth("kraken", window, pair) if row[5] > 0 or row[0] >= candles_from_ms]


@pytest.mark.parametrize("base", ["BTC", "MLN", "SOL"])
def test_the_counts_add_up_where_trades_and_candles_meet(settings, exchanges, redis_server, base):
    pair, now_ms = f"{base}/USD", DAY.start_ms + 13 * HOUR_MS + 30_000
    redis_server.client().set("top_cryptocurrencies", json.dumps([pair]))
    exchanges.set_clock(now_ms)
    result = run_steps(settings, "backfill", hours(0, 13), now_ms)
    assert result.failed == {}
    counts = record(settings, pair).counts()
    own = stored(settings.influxdb_bucket, "exchange_candles", pair, "kraken")
    assert within(own, hours(0, 13)) == expected(hours(0, 13), now_ms - 719 * MINUTE_MS, pair)
    assert (counts.expected, counts.not_asked, counts.present) == (1440, 660, len(within(own, DAY)))
    assert sum(counts.to_dict().values()) == 2 * counts.expected
    assert exchanges.requests()["kraken"][CANDLES]["accepted"] == 1


def test_the_border_moves_on_while_trades_are_paged(settings, exchanges, monkeypatch):
    """A day of trades takes minutes on the real kraken, and its last 720 candles are others by then."""
    now_ms, calls = DAY.start_ms + 20 * HOUR_MS + 30_000, []
    exchanges.set_clock(now_ms)
    fetch_trades = ExchangeClient.fetch_trades

    def slow(*arguments, **more):
        calls.append(1)
        exchanges.set_clock(now_ms + len(calls) * 30_000)
        return fetch_trades(*arguments, **more)

    monkeypatch.setattr(ExchangeClient, "fetch_trades", slow)
    result = run_steps(settings, "backfill", hours(0, 20), now_ms)
    assert result.failed == {}
    assert len(calls) * 30_000 > 2 * MINUTE_MS
    own = stored(settings.influxdb_bucket, "exchange_candles", "BTC/USD", "kraken")
    assert [row for row in own if row[5] > 0] == [row for row in truth("kraken", hours(0, 20)) if row[5] > 0]


@pytest.mark.parametrize("minutes", [1, 3])  # Those of 3 minutes are built from its candles of one.
def test_its_closing_looks_are_taken_in_parts_while_it_serves_them(settings, exchanges, minutes):
    settings = with_settings(settings, catch_up_initial_days=1, candle_granularity_minutes=minutes)
    for hour in range(2, 28, 2):
        now_ms = DAY.start_ms + hour * HOUR_MS + 1_000
        exchanges.set_clock(now_ms)
        run_steps(settings, "catch_up", hours(hour - 2, hour), now_ms)
        run_steps(settings, "repair", None, now_ms)
        if hour == 2:
            # The first runs have fetched the day before too.
            exchanges.reset_requests()
        closed_until_ms = record(settings).closed_until_ms
        # What is not closed yet is still served as candles.
        assert closed_until_ms == DAY.end_ms or now_ms - closed_until_ms < 720 * MINUTE_MS
        assert closed_until_ms % MINUTE_MS == 0
    assert record(settings).state == RecordState.FINAL
    assert record(settings).source == "api"
    assert TRADES not in exchanges.requests()["kraken"]
    bars = resample(Candles.from_rows(truth("kraken", DAY)), Timeframe(minutes))
    assert within(stored(settings.influxdb_bucket, "exchange_candles", "BTC/USD", "kraken"), DAY) == bars.rows()


def test_a_closing_look_that_comes_too_late_for_candles_is_made_of_trades(settings, exchanges):
    settings = with_settings(settings, catch_up_initial_days=1)
    noon_ms = DAY.start_ms + 12 * HOUR_MS + 1_000
    exchanges.set_clock(noon_ms)
    run_steps(settings, "catch_up", hours(11, 12), noon_ms, {"start": "2026-03-12"})
    # Nobody runs for a day and a half.
    late_ms = DAY.end_ms + DAY_MS
    exchanges.set_clock(late_ms)
    run_steps(settings, "catch_up", Window(late_ms - HOUR_MS, late_ms), late_ms)
    run_steps(settings, "repair", None, late_ms + HOUR_MS)
    found = record(settings)
    assert found.is_closed
    assert found.source == "trades"
    own = within(stored(settings.influxdb_bucket, "exchange_candles", "BTC/USD", "kraken"), DAY)
    assert [row for row in own if row[5] > 0] == [row for row in truth("kraken", DAY) if row[5] > 0]
