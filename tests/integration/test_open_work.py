"""Open work: when it is asked for again, what an event says of it, and that none of it blocks the rest."""

from __future__ import annotations

import json

import pytest

from candle_ingest.candles.window import DAY_MS, HOUR_MS, MINUTE_MS, Window
from candle_ingest.connections import connect_influxdb
from candle_ingest.ledger.day_record import ClosingRule, new_day_record
from candle_ingest.ledger.day_records import DayRecords
from candle_ingest.ledger.minute_state import MinuteState
from candle_ingest.ledger.stretch import Stretch
from candle_ingest.planning.repair import MAX_SECONDS, TRADE_CALLS_A_DAY
from candle_ingest.planning.run import make_run
from candle_ingest.planning.validate_symbols import validate_symbols
from candle_ingest.store.bucket import InfluxBucket
from dev.exchange_simulator.coins import utc_ms
from dev.exchange_simulator.market_events import MarketEvent
from tests.integration.steps import (
    THREE,
    asked,
    day_records,
    forget_markets,
    merged_days,
    merged_truth,
    run_steps,
    stored,
    watermarks,
    with_settings,
    within,
)

pytestmark = pytest.mark.integration
DAYS = [Window(utc_ms(f"2026-03-{day}"), utc_ms(f"2026-03-{day + 1}")) for day in (10, 11, 12)]
NOW_MS = DAYS[-1].end_ms + 2 * HOUR_MS
DAYS_MISSED = (utc_ms("2026-03-10"), utc_ms("2026-03-15"))
SUI_LISTED_MS = utc_ms("2023-05-18")


@pytest.fixture
def settings(make_settings):
    return make_settings(THREE, quote_conversion="par")


def backfill(settings, window, now_ms=NOW_MS):
    return run_steps(settings, "backfill", window, now_ms, origin_ms=DAYS[0].start_ms)


def repair(settings, exchanges, now_ms):
    exchanges.set_clock(now_ms)
    return run_steps(settings, "repair", None, now_ms, origin_ms=DAYS[0].start_ms)


def forget_outages(redis_server) -> None:
    client = redis_server.client()
    client.delete(*client.keys("candle_ingest:down*"), *client.keys("candle_ingest:failures*"), "none")


def final_days(*results) -> list[tuple[str, str]]:
    events = [event for result in results for event in result.events if event["state"] == "final"]
    return sorted((day["pair"], day["day"]) for event in events for day in event["days"])


def test_an_hour_that_fails_is_due_after_15_minutes_whatever_failed_before(settings, exchanges):
    settings = with_settings(settings, exchanges=("binance", "kucoin"), min_exchanges_required=1)
    exchanges.set_fault("kucoin", "status", status=503, path="candles")
    backfill(settings, DAYS[0])
    for hours in (1, 3, 7, 15, 31):
        repair(settings, exchanges, NOW_MS + hours * HOUR_MS)
    hour = Window(DAYS[1].start_ms, DAYS[1].start_ms + HOUR_MS)
    later_ms = NOW_MS + 32 * HOUR_MS
    exchanges.set_clock(later_ms)
    backfill(settings, hour, later_ms)
    for minutes, is_due in ((14, False), (16, True)):
        found = asked(repair(settings, exchanges, later_ms + minutes * MINUTE_MS))
        assert any(exchange == "kucoin" and window.covers(hour) for _, exchange, window in found) == is_due


def test_after_a_partial_success_only_the_rest_is_asked_and_ever_more_seldom(settings, exchanges, redis_server):
    settings = with_settings(settings, exchanges=THREE[:2], min_exchanges_required=1)
    day = DAYS[0]
    answered = Window(day.start_ms, day.start_ms + 10 * HOUR_MS)
    exchanges.set_fault("coinbaseexchange", "status", status=503, path="candles")
    backfill(settings, day)
    exchanges.clear_faults()
    forget_outages(redis_server)
    backfill(settings, answered)
    exchanges.set_fault("coinbaseexchange", "status", status=503, path="candles")
    found = [asked(repair(settings, exchanges, NOW_MS + hour * HOUR_MS)) for hour in range(1, 25)]
    rest = [("BTC/USD", "coinbaseexchange", Window(answered.end_ms, day.end_ms))]
    assert [windows for windows in found if windows] == [rest] * 6


def test_each_filled_day_is_announced_once_though_another_symbol_stays_open(settings, exchanges, redis_server):
    redis_server.client().set("top_cryptocurrencies", json.dumps(["btcusd", "ethusd"]))
    exchanges.set_fault("kucoin", "status", status=503, path="candles")
    broken = backfill(settings, DAYS[0])
    exchanges.clear_faults()
    forget_outages(redis_server)
    exchanges.set_fault("kucoin", "gone", market="ETH/USDT")
    one = repair(settings, exchanges, NOW_MS + HOUR_MS)
    exchanges.clear_faults()
    rest = [repair(settings, exchanges, NOW_MS + hours * HOUR_MS) for hours in (4, 30, 60)]
    assert (final_days(broken), final_days(one)) == ([], [("BTC/USD", "2026-03-10")])
    assert final_days(*rest) == [("ETH/USD", "2026-03-10")]


def test_no_day_is_announced_that_lies_empty_between_two_others(settings, exchanges, redis_server):
    backfill(settings, DAYS[0])
    backfill(settings, DAYS[2])
    exchanges.set_fault("coinbaseexchange", "status", status=503, path="candles")
    assert final_days(backfill(settings, DAYS[1]), repair(settings, exchanges, NOW_MS + HOUR_MS)) == []
    assert within(stored(settings.influxdb_bucket, "candles", "BTC/USD"), DAYS[1]) == []
    exchanges.clear_faults()
    forget_outages(redis_server)
    assert final_days(repair(settings, exchanges, NOW_MS + 4 * HOUR_MS)) == [("BTC/USD", "2026-03-11")]


def test_an_exchange_unreachable_at_the_first_run_is_open_until_it_was_asked(settings, exchanges, redis_server):
    settings = with_settings(settings, min_exchanges_required=2)
    exchanges.set_fault("kucoin", "status", status=503)
    first = backfill(settings, DAYS[0])
    assert final_days(first) == []
    assert stored(settings.influxdb_bucket, "candles", "BTC/USD") == merged_truth(THREE[:2], DAYS[0], par=True)
    record = day_records(settings.influxdb_bucket, DAYS[0])["BTC/USD", "kucoin", DAYS[0].start_ms]
    assert record.windows_of([MinuteState.FAILED]) == [DAYS[0]]
    exchanges.clear_faults()
    forget_outages(redis_server)
    assert final_days(repair(settings, exchanges, NOW_MS + HOUR_MS)) == [("BTC/USD", "2026-03-10")]
    assert stored(settings.influxdb_bucket, "candles", "BTC/USD") == merged_truth(THREE, DAYS[0], par=True)


def test_not_listed_never_lies_over_a_stored_candle(settings, exchanges, redis_server):
    """The middle of the week of a listing is there first, the week is fetched later."""
    redis_server.client().set("top_cryptocurrencies", json.dumps(["SUI/USD"]))
    settings = with_settings(settings, exchanges=("binance", "coinbaseexchange"))
    week = Window(SUI_LISTED_MS - 2 * DAY_MS, SUI_LISTED_MS + 3 * DAY_MS)
    backfill(settings, Window(SUI_LISTED_MS - 4 * HOUR_MS, SUI_LISTED_MS + 40 * HOUR_MS))
    assert backfill(settings, week).failed == {}
    records = [r for key, r in day_records(settings.influxdb_bucket, week).items() if key[1] == "coinbaseexchange"]
    own = stored(settings.influxdb_bucket, "exchange_candles", "SUI/USD", "coinbaseexchange")
    not_listed = [window for record in records for window in record.windows_of([MinuteState.NOT_LISTED])]
    assert sum(window.slots(MINUTE_MS) for window in not_listed) >= 2 * 1440
    assert [row for window in not_listed for row in within(own, window)] == []
    assert max(window.end_ms for window in not_listed) <= own[0][0]


@pytest.mark.parametrize("fault", ["halted", "gone"])
def test_a_market_not_listed_at_the_first_backfill_is_asked_once_it_trades(settings, exchanges, redis_server, fault):
    day, bucket = DAYS[0], settings.influxdb_bucket
    settings = with_settings(settings, quote_equivalents={"USD": ["USD"]}, exchanges=("coinbaseexchange", "binanceus"))
    exchanges.set_fault("coinbaseexchange", fault, market="BTC/USD")
    backfill(settings, day)
    assert stored(bucket, "candles", "BTC/USD") == merged_truth(["binanceus"], day, par=True)
    exchanges.clear_faults()
    client = redis_server.client()
    client.delete(*client.keys("candle_ingest:markets*"))
    assert repair(settings, exchanges, NOW_MS + HOUR_MS).written == {"BTC/USD": 1440}
    assert stored(bucket, "candles", "BTC/USD") == merged_truth(["binanceus", "coinbaseexchange"], day, par=True)
    assert asked(repair(settings, exchanges, NOW_MS + 2 * HOUR_MS)) == []


def test_minutes_to_come_are_not_merged_when_a_market_is_listed_today(settings, exchanges, redis_server):
    exchange, day, bucket = "coinbaseexchange", DAYS[0], settings.influxdb_bucket
    changes = {"quote_equivalents": {"USD": ["USD"]}, "exchanges": ("binanceus", exchange), "min_exchanges_required": 1}
    settings = with_settings(settings, **changes)
    exchanges.set_fault(exchange, "gone", market="BTC/USD")
    morning = Window(day.start_ms, day.start_ms + 10 * HOUR_MS)
    exchanges.set_clock(morning.end_ms + 1_000)
    backfill(settings, morning, morning.end_ms + 1_000)
    for hour in (11, 12):
        at_ms = day.start_ms + hour * HOUR_MS
        exchanges.set_clock(at_ms + 1_000)
        run_steps(settings, "catch_up", Window(at_ms - HOUR_MS, at_ms), at_ms + 1_000, origin_ms=day.start_ms)
        exchanges.clear_faults()
        forget_markets(redis_server)
    newest = dict.fromkeys(("btcusd-catch_up", "BTC_USD_latest_ingested_ts"), at_ms - MINUTE_MS)
    assert watermarks(bucket, *newest) == newest
    own = day_records(bucket, day)["BTC/USD", exchange, day.start_ms]
    assert own.windows_of([MinuteState.NOT_ASKED]) == [Window(at_ms, day.end_ms)]
    assert max(window.end_ms for window in merged_days(bucket, day)["BTC/USD", day.start_ms].merged_windows()) == at_ms


def test_catch_up_returns_to_days_missed_while_yesterday_was_backfilled(settings, exchanges):
    settings = with_settings(settings, exchanges=("binance",), catch_up_initial_days=1)
    before, day, *_, last = days = [Window(ms, ms + DAY_MS) for ms in range(*DAYS_MISSED, DAY_MS)]
    hole = Window(before.start_ms + HOUR_MS, before.start_ms + HOUR_MS + MINUTE_MS)
    exchanges.add_events(
        [
            MarketEvent(
                kind="wrong_row", exchange="binance", start_ms=hole.start_ms, end_ms=hole.end_ms, row="high_below_low"
            )
        ]
    )
    for at_ms in (day.start_ms, day.start_ms + 12 * HOUR_MS):
        catch_up(settings, exchanges, at_ms)
    exchanges.set_clock(last.end_ms + 1_000)
    run_steps(settings, "backfill", last, last.end_ms + 1_000, origin_ms=last.start_ms)
    catch_up(settings, exchanges, last.end_ms + 6 * HOUR_MS)
    records = day_records(settings.influxdb_bucket, Window(before.start_ms, last.end_ms))
    left = [records["BTC/USD", "binance", one.start_ms].windows_of([MinuteState.NOT_ASKED]) for one in days]
    assert left == [[] for _ in days]
    assert records["BTC/USD", "binance", before.start_ms].looks == 1, "its hole is left to repair"


def catch_up(settings, exchanges, at_ms):
    exchanges.set_clock(at_ms + 1_000)
    return run_steps(settings, "catch_up", Window(at_ms - 5 * MINUTE_MS, at_ms), at_ms + 1_000)


def test_months_of_kraken_block_no_other_exchange_and_are_begun(settings, exchanges, redis_server):
    tickers = [f"{base}/USD" for base in ("BTC", "ETH", "SOL", "ADA", "XRP", "DOGE", "LTC", "DOT")]
    redis_server.client().set("top_cryptocurrencies", json.dumps(tickers))
    settings = with_settings(settings, exchanges=("binance", "kraken"), min_exchanges_required=1)
    months = range(DAYS[0].start_ms - 120 * DAY_MS, DAYS[0].start_ms - 30 * DAY_MS, DAY_MS)
    old = [failed_day(pair, "kraken", day_ms) for pair in tickers for day_ms in months]
    year_ago = [failed_day("BTC/USD", "binance", DAYS[0].start_ms - n * DAY_MS) for n in range(1, 366)]
    with InfluxBucket(connect_influxdb(), settings.influxdb_bucket) as bucket:
        bucket.create_if_missing()
        DayRecords(bucket).write((record, ClosingRule(HOUR_MS)) for record in (*old, *year_ago))
    plan = validate_symbols(make_run(settings, "repair", {}, None, None, NOW_MS), tickers)
    days = {batch.exchange: sum(map(len, batch.windows.values())) for batch in plan.batches}
    assert days["binance"] > 0
    assert 0 < days["kraken"] <= MAX_SECONDS / TRADE_CALLS_A_DAY + 1
    assert {pair for batch in plan.batches if batch.exchange == "kraken" for pair in batch.windows} == set(tickers)


def failed_day(pair: str, exchange: str, day_ms: int):
    blank = new_day_record(pair, exchange, day_ms, MINUTE_MS)
    failed = Stretch(
        start_ms=day_ms, end_ms=day_ms + DAY_MS, state=MinuteState.FAILED, reason="HTTP 503", since_ms=day_ms,
        tries=1, due_ms=day_ms + DAY_MS,
    )  # fmt: skip
    return type(blank)(
        currency_pair=pair, exchange=exchange, day_ms=day_ms, marks=blank.marks, stretches=(failed,),
        closed=(blank.window,), answered_version=1,
    )  # fmt: skip
