from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from candle_ingest.candles.pace import Pace
from candle_ingest.candles.window import DAY_MS, HOUR_MS, MINUTE_MS, Window, union
from candle_ingest.ledger.day_record import new_day_record
from candle_ingest.ledger.fold import fold
from candle_ingest.ledger.look import Found, Look, Surroundings
from candle_ingest.planning.asking import Asking, closing_part
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


def asking(kind="catch_up", now_ms=NOON + 1_000, interval_minutes=5, exchange="kucoin", params=None):
    settings = PipelineSettings(name="candle", exchanges=(exchange,), settle_seconds=0)
    interval = Window(NOON - interval_minutes * MINUTE_MS, NOON)
    return Asking.of(make_run(settings, kind, params or {}, interval, None, now_ms), exchange)


def catch_up(day=None, first_ms=DAY, **options):
    # No pair's second look falls into this interval.
    pair = next(f"P{n}/USD" for n in range(99) if not asking(**options)._is_second_look(f"P{n}/USD", NOON))
    return asking(**options).of_catch_up(pair, {DAY: day} if day else {}, lambda _: first_ms)


def test_a_catch_up_without_a_record_begins_where_it_is_told():
    assert catch_up(first_ms=NOON - DAY_MS) == [Window(NOON - DAY_MS, NOON)]


def test_a_catch_up_goes_on_after_what_was_asked_for_last():
    assert catch_up(record(minutes(0, 715))) == [minutes(715, 720)]


def test_a_catch_up_takes_what_a_run_by_hand_has_left_out():
    day = record(minutes(0, 300), minutes(600, 715))
    assert catch_up(day) == [minutes(300, 720)]


def test_a_catch_up_goes_back_to_its_watermark_though_a_run_by_hand_came_first():
    by_hand = record(minutes(600, 715))
    assert catch_up(by_hand, first_ms=DAY - 5 * DAY_MS) == [Window(DAY - 5 * DAY_MS, NOON)]
    assert catch_up(by_hand, first_ms=DAY + 650 * MINUTE_MS) == [minutes(715, 720)]


def test_a_catch_up_asks_again_from_the_earliest_open_minute_of_two_hours():
    day = record(minutes(0, 715), failed=[minutes(690, 700)])
    assert catch_up(day) == [minutes(715, 720)], "what was answered is not taken back by a failure"
    day = record(minutes(0, 690), minutes(700, 715), failed=[minutes(690, 700)])
    assert catch_up(day) == [minutes(690, 720)]


def test_a_catch_up_never_waits_for_an_old_hole():
    day = record(minutes(0, 300), minutes(310, 715), failed=[minutes(300, 310)])
    assert catch_up(day) == [minutes(715, 720)]


def test_after_hours_without_a_run_a_catch_up_takes_them_all():
    assert catch_up(record(minutes(0, 240))) == [minutes(240, 720)]


def test_each_pair_has_one_second_look_in_an_hour():
    for pair in ("BTC/USD", "ETH/USD", "SOL/USD"):
        found = [n for n in range(288) if asking()._is_second_look(pair, DAY + n * 5 * MINUTE_MS)]
        assert found == list(range(found[0], 288, 12))


def test_a_backfill_of_a_final_day_asks_for_nothing():
    one = asking("backfill", now_ms=DAY + 2 * DAY_MS)
    assert one.of_fixed_window(minutes(0, 1440), {DAY: record(minutes(0, 1440), closing=True)}) == []


def test_a_backfill_long_after_a_day_is_its_closing_look():
    one = asking("backfill", now_ms=DAY + 2 * DAY_MS)
    assert one.of_fixed_window(minutes(0, 1440), {DAY: record(minutes(0, 1440))}) == [minutes(0, 1440)]
    soon = asking("backfill", now_ms=DAY + DAY_MS + MINUTE_MS)
    assert soon.of_fixed_window(minutes(0, 1440), {DAY: record(minutes(0, 1440))}) == []
    assert soon.of_fixed_window(minutes(0, 1440), {DAY: record(minutes(0, 600))}) == [minutes(600, 1440)]


def test_a_refetch_asks_for_all():
    one = asking("backfill", now_ms=DAY + 2 * DAY_MS, params={"refetch": True})
    assert one.of_fixed_window(minutes(0, 1440), {DAY: record(minutes(0, 1440), closing=True)}) == [minutes(0, 1440)]


def test_kraken_is_asked_for_a_past_day_in_parts_while_it_serves_them():
    rule = asking(exchange="kraken").rule
    assert rule.step_ms == 600 * MINUTE_MS
    assert closing_part(minutes(0, 600), DAY + 660 * MINUTE_MS, rule) == minutes(0, 600)
    assert closing_part(minutes(0, 600), DAY + 360 * MINUTE_MS, rule) == minutes(0, 300)
    whole = asking(exchange="binance").rule
    assert closing_part(minutes(0, 600), DAY + 660 * MINUTE_MS, whole) is None


@settings(max_examples=50)
@given(st.lists(st.tuples(st.integers(0, 1439), st.integers(1, 300)), max_size=8))
def test_joined_requests_cover_what_is_wanted_at_no_more_calls(spans):
    windows = [Window(DAY + a * MINUTE_MS, DAY + (a + n) * MINUTE_MS) for a, n in spans]
    one = asking()
    joined = one.fewest_requests(windows)
    assert all(any(w.covers(wanted) for w in joined) for wanted in windows)
    assert one.calls(joined) <= one.calls(union(windows))
