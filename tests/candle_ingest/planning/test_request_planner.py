from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from candle_ingest.candles.pace import Pace
from candle_ingest.candles.window import DAY_MS, HOUR_MS, MINUTE_MS, Window, union
from candle_ingest.ledger.day_record import new_day_record
from candle_ingest.ledger.fold import fold
from candle_ingest.ledger.look import Found, Look, Surroundings
from candle_ingest.planning.request_planner import RequestPlanner, closing_part
from candle_ingest.planning.run import make_run
from candle_ingest.settings import PipelineSettings
from tests.candle_ingest.day import DAY, minutes

NOON = DAY + 12 * HOUR_MS
BUSY = Surroundings(history=Pace(1440 * 7, 1440 * 7))


def record(*answered, failed=(), closing=False, asked_ms=DAY + 2 * DAY_MS):
    found = new_day_record("BTC/USD", "kucoin", DAY, MINUTE_MS)
    for window in answered:
        times_ms = np.arange(window.start_ms, window.end_ms, MINUTE_MS)
        look = Look(window=window, asked_at_ms=asked_ms, open_times_ms=times_ms, traded_ms=times_ms)
        found = fold(found, replace(look, closing=window if closing else None), BUSY)
    for window in failed:
        found = fold(found, Look(window=window, asked_at_ms=asked_ms, failed=(Found(window, "503"),)), BUSY)
    return found


def planner(kind="catch_up", now_ms=NOON + 1_000, interval_minutes=5, exchange="kucoin", params=None, minutes=1):
    settings = PipelineSettings(
        name="candle", exchanges=(exchange,), settle_seconds=0, candle_granularity_minutes=minutes
    )
    interval = Window(NOON - interval_minutes * MINUTE_MS, NOON)
    return RequestPlanner.of(make_run(settings, kind, params or {}, interval, None, now_ms), exchange)


def catch_up(day=None, first_ms=DAY, **options):
    # No pair's second look falls into this interval.
    pair = next(f"P{n}/USD" for n in range(99) if not planner(**options)._is_second_look(f"P{n}/USD", NOON))
    return planner(**options).for_catch_up(pair, {DAY: day} if day else {}, lambda _: first_ms)


def test_catch_up_without_a_record_begins_at_first_ms():
    assert catch_up(first_ms=NOON - DAY_MS) == [Window(NOON - DAY_MS, NOON)]


def test_catch_up_continues_after_the_last_requested_minute():
    assert catch_up(record(minutes(0, 715))) == [minutes(715, 720)]


def test_catch_up_fills_the_gap_before_a_manual_run():
    day = record(minutes(0, 300), minutes(600, 715))
    assert catch_up(day) == [minutes(300, 720)]


def test_catch_up_goes_back_to_its_watermark_even_after_a_manual_run():
    by_hand = record(minutes(600, 715))
    assert catch_up(by_hand, first_ms=DAY - 5 * DAY_MS) == [Window(DAY - 5 * DAY_MS, NOON)]
    assert catch_up(by_hand, first_ms=DAY + 650 * MINUTE_MS) == [minutes(715, 720)]


def test_catch_up_goes_back_to_its_watermark_even_if_yesterday_is_recorded():
    first_ms, pair = DAY - 5 * DAY_MS, "BTC/USD"
    full = replace(record(minutes(0, 1440)), day_ms=DAY - DAY_MS, stretches=())
    days = {full.day_ms: full}
    assert planner().for_catch_up(pair, days, lambda _: first_ms) == [Window(first_ms, NOON)]
    two_days = {**days, DAY - 2 * DAY_MS: replace(full, day_ms=DAY - 2 * DAY_MS)}
    [window] = planner().for_catch_up(pair, two_days, lambda _: first_ms)
    assert window.start_ms == DAY


def test_catch_up_retries_from_the_earliest_open_minute_of_the_last_two_hours():
    day = record(minutes(0, 715), failed=[minutes(690, 700)])
    assert catch_up(day) == [minutes(715, 720)], "a failure does not undo an answer"
    day = record(minutes(0, 690), minutes(700, 715), failed=[minutes(690, 700)])
    assert catch_up(day) == [minutes(690, 720)]


def test_catch_up_does_not_wait_for_an_old_hole():
    day = record(minutes(0, 300), minutes(310, 715), failed=[minutes(300, 310)])
    assert catch_up(day) == [minutes(715, 720)]


def test_catch_up_covers_all_hours_since_its_last_run():
    assert catch_up(record(minutes(0, 240))) == [minutes(240, 720)]


def test_each_pair_has_one_second_look_an_hour():
    for pair in ("BTC/USD", "ETH/USD", "SOL/USD"):
        found = [n for n in range(288) if planner()._is_second_look(pair, DAY + n * 5 * MINUTE_MS)]
        assert found == list(range(found[0], 288, 12))


def test_a_backfill_of_a_final_day_requests_nothing():
    one = planner("backfill", now_ms=DAY + 2 * DAY_MS)
    assert one.for_fixed_window(minutes(0, 1440), {DAY: record(minutes(0, 1440), closing=True)}) == []


def test_a_backfill_long_after_a_day_is_its_closing_look():
    one = planner("backfill", now_ms=DAY + 2 * DAY_MS)
    assert one.for_fixed_window(minutes(0, 1440), {DAY: record(minutes(0, 1440))}) == [minutes(0, 1440)]
    soon = planner("backfill", now_ms=DAY + DAY_MS + MINUTE_MS)
    assert soon.for_fixed_window(minutes(0, 1440), {DAY: record(minutes(0, 1440))}) == []
    assert soon.for_fixed_window(minutes(0, 1440), {DAY: record(minutes(0, 600))}) == [minutes(600, 1440)]


def test_a_refetch_requests_everything():
    one = planner("backfill", now_ms=DAY + 2 * DAY_MS, params={"refetch": True})
    assert one.for_fixed_window(minutes(0, 1440), {DAY: record(minutes(0, 1440), closing=True)}) == [minutes(0, 1440)]


def test_kraken_gets_its_closing_look_in_parts_while_it_serves_them():
    rule = planner(exchange="kraken").rule
    assert rule.step_ms == 600 * MINUTE_MS
    assert closing_part(minutes(0, 600), DAY + 660 * MINUTE_MS, rule) == minutes(0, 600)
    assert closing_part(minutes(0, 600), DAY + 360 * MINUTE_MS, rule) == minutes(0, 300)
    whole = planner(exchange="binance").rule
    assert closing_part(minutes(0, 600), DAY + 660 * MINUTE_MS, whole) is None


def test_kraken_gets_closing_looks_in_parts_that_its_1m_rows_cover_at_3m():
    assert planner(exchange="kraken", minutes=3).rule.step_ms == 600 * MINUTE_MS


def test_calls_are_counted_in_the_rows_that_are_requested():
    assert planner(exchange="coinbaseexchange", minutes=3).calls([minutes(0, 900)]) == 3
    assert planner(exchange="coinbaseexchange", minutes=5).calls([minutes(0, 900)]) == 1


def test_trades_are_requested_where_kraken_no_longer_serves_1m_rows():
    kraken = planner(exchange="kraken", minutes=3, now_ms=DAY + 2 * DAY_MS)
    assert kraken.served_as_trades(minutes(0, 1440)) == minutes(0, 1440)
    assert kraken.served_as_trades(minutes(1440, 2880)) == minutes(1440, 2163)
    assert not planner(exchange="gate", now_ms=DAY + 30 * DAY_MS).served_as_trades(minutes(0, 1440))


@settings(max_examples=50)
@given(st.lists(st.tuples(st.integers(0, 1439), st.integers(1, 300)), max_size=8))
def test_joined_windows_cover_what_is_wanted_without_more_calls(spans):
    windows = [Window(DAY + a * MINUTE_MS, DAY + (a + n) * MINUTE_MS) for a, n in spans]
    one = planner()
    joined = one.fewest_requests(windows)
    assert all(any(w.covers(wanted) for w in joined) for wanted in windows)
    assert one.calls(joined) <= one.calls(union(windows))
