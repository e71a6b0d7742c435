"""Minutes and hours that the guard has to judge, of docs/explanation/how-a-price-is-made.md; volumes where known."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from candle_ingest.candles.guard import guard

NOTHING = {"excluded": [], "clamped_high": [], "clamped_low": [], "disputed": []}
# 2023-03-12 23:23; BTC/USDC converted at its observed rate of 0.9845.
BTC_USDT = (21_798.0, 21_851.41, 21_788.22, 21_832.89, 761.61191)
BTC_USDC = (*(price * 0.9845 for price in (22_143.49, 50_000.0, 22_137.4, 22_185.9)), 35.59041)
PRICES = st.floats(1e-6, 1e6)


def cube(*exchanges):
    """Return one minute; each exchange has (open, high, low, close, volume) or None."""
    return np.array([[[value] for value in own or [math.nan] * 5] for own in exchanges])


def judge(*exchanges, percent=5.0):
    """Return the remaining candles, and the indices of the exchanges by finding."""
    candles = cube(*exchanges)
    verdict = guard(candles, percent)
    candles[:, :, verdict.minutes] = verdict.candles
    found = {name: getattr(verdict, name).any(axis=1).tolist() for name in NOTHING}
    return candles[:, :, 0], {name: [i for i, has in enumerate(flags) if has] for name, flags in found.items()}


def test_a_wick_to_both_sides_is_clamped_both_ways():
    """2019-09-13 20:00, kraken 8,000 to 12,000."""
    candles, found = judge(
        (10_200, 10_260, 10_153, 10_210, 900.0),
        (10_205, 12_000, 8_000, 10_215, 400.0),
        (10_202, 10_276, 10_154, 10_212, 300.0),
    )
    assert found == {**NOTHING, "clamped_high": [1], "clamped_low": [1]}
    assert candles[1, 1] == pytest.approx(10_276 * 1.05)
    assert candles[1, 2] == pytest.approx(10_153 / 1.05)
    assert candles[1, [0, 3, 4]].tolist() == [10_205, 10_215, 400.0]


def test_one_low_far_below_the_others_is_clamped():
    """2019-04-25 16:00, kraken's low of 4,357."""
    candles, found = judge(
        (5_480, 5_500, 5_426, 5_450, 500.0), (5_485, 5_502, 4_357, 5_455, 200.0), (5_490, 5_510, 5_451, 5_460, 100.0)
    )
    assert found == {**NOTHING, "clamped_low": [1]}
    assert candles[1, 2] == pytest.approx(5_426 / 1.05)


def test_a_flash_crash_with_most_of_the_volume_leaves_the_low_near_the_others():
    """2021-10-21 11:34, Binance.US fell to 8,200 with 592.8 BTC in the minute; it closed near where it began."""
    others = (65_600, 65_700, 65_450, 65_500, 40.0), (65_590, 65_690, 65_440, 65_510, 30.0)
    candles, found = judge((65_760, 65_815, 8_200, 64_900, 592.8), *others)
    assert found == {**NOTHING, "clamped_low": [0]}
    assert np.average(candles[:, 2], weights=candles[:, 4]) >= 62_000
    _, found = judge((65_760, 65_815, 8_200, 48_000, 592.8), *others)
    assert found == {**NOTHING, "excluded": [0]}


def test_a_close_that_contradicts_two_others_excludes_the_candle():
    """2021-01-07 18:00, kraken closed at 37,033."""
    _, found = judge(
        (39_900, 40_000, 38_900, 38_948, 5_000.0),
        (39_900, 40_000, 36_900, 37_033, 900.0),
        (39_900, 40_000, 38_900, 38_938, 700.0),
    )
    assert found == {**NOTHING, "excluded": [1]}


def test_a_crash_of_all_exchanges_is_left_alone():
    """2021-12-04 05:00, lows of 42,000, 40,150 and 41,968."""
    minute = (
        (47_800, 48_000, 42_000, 46_800, 9_000.0),
        (47_790, 48_010, 40_150, 46_810, 900.0),
        (47_810, 48_005, 41_968, 46_790, 500.0),
    )
    candles, found = judge(*minute)
    assert found == NOTHING
    assert candles.tolist() == [list(map(float, own)) for own in minute]


def test_a_wick_is_disputed_with_two_exchanges():
    candles, found = judge(BTC_USDC, BTC_USDT)
    assert found == {**NOTHING, "disputed": [0]}
    assert candles.tolist() == [list(BTC_USDC), list(BTC_USDT)]


def test_a_wick_is_clamped_with_three_exchanges():
    candles, found = judge(BTC_USDC, BTC_USDT, (21_800, 21_850, 21_790, 21_830, 10.0))
    assert found == {**NOTHING, "clamped_high": [0]}
    assert candles[0, 1] == pytest.approx(21_851.41 * 1.05)


def test_two_exchanges_far_apart_are_disputed_and_unchanged():
    """2025-10-10 21:15, SOL closed at 191.99 and 164.17."""
    candles, found = judge((200, 201, 190, 191.99, 10.0), (200, 201, 160, 164.17, 5_000.0))
    assert found == {**NOTHING, "disputed": [0, 1]}
    assert candles[:, 3].tolist() == [191.99, 164.17]


def flat(price, volume=1.0):
    return (price, price, price, price, volume)


def test_without_a_majority_nothing_is_changed_and_the_minute_is_disputed():
    candles, found = judge(flat(100), flat(100), flat(120), flat(120))
    assert found == {**NOTHING, "disputed": [0, 1, 2, 3]}
    assert candles[:, 0].tolist() == [100, 100, 120, 120]


@pytest.mark.parametrize(("other", "disputed"), [(103.9, []), (104.2, [0, 1])])
def test_two_exchanges_are_disputed_past_two_percent_from_their_median(other, disputed):
    _, found = judge(flat(100), flat(other))
    assert found["disputed"] == disputed


@pytest.mark.parametrize(("price", "excluded"), [(104.9, []), (105.1, [2]), (95.3, []), (95.2, [2])])
def test_the_limit_is_the_same_distance_upwards_and_downwards(price, excluded):
    _, found = judge(flat(100), flat(100), flat(price))
    assert found == {**NOTHING, "excluded": excluded}


def test_a_flat_candle_neither_votes_nor_is_judged():
    _, found = judge(flat(100), flat(100.5), flat(10, volume=0.0))
    assert found == NOTHING
    _, found = judge(flat(100), flat(110), flat(100, volume=0.0))
    assert found == {**NOTHING, "disputed": [0, 1]}


def test_a_low_that_is_right_is_not_dragged_down_by_two_wrong_ones():
    low = (100, 101, 60, 100, 1.0)
    candles, found = judge(low, low, (100, 101, 99, 100, 1.0))
    assert found == NOTHING
    assert candles[2, 2] == 99


def test_an_absent_exchange_has_no_vote():
    _, found = judge(flat(100), None, flat(110))
    assert found == {**NOTHING, "disputed": [0, 2]}


def test_a_guard_of_zero_percent_is_off():
    minute = flat(100), flat(100), flat(500)
    candles, found = judge(*minute, percent=0)
    assert found == NOTHING
    assert candles.tolist() == [list(map(float, own)) for own in minute]


def test_a_minute_does_not_depend_on_the_minutes_beside_it():
    minute = cube(flat(100), flat(100), flat(500))
    calm = cube(flat(100), flat(100), flat(100))
    found = guard(np.concatenate([calm, minute, calm], axis=2), 5.0)
    assert (found.minutes.tolist(), found.excluded.tolist()) == ([1], [[False], [False], [True]])


@st.composite
def sound_candles(draw, prices=PRICES):
    open_, close, one, other = draw(st.tuples(prices, prices, prices, prices))
    values = (open_, close, one, other)
    return (open_, max(values), min(values), close, draw(st.just(0.0) | st.floats(1e-9, 1e9)))


@given(st.lists(sound_candles(st.floats(80, 120)), min_size=1, max_size=7))
def test_a_guarded_candle_is_sound_and_never_wider_than_before(minute):
    candles, found = judge(*minute)
    for index, (before, after) in enumerate(zip(cube(*minute)[:, :, 0], candles, strict=True)):
        if index in found["excluded"]:
            assert np.isnan(after).all()
            continue
        open_, high, low, close, _ = after
        assert low <= min(open_, close) <= max(open_, close) <= high
        assert before[2] <= low
        assert high <= before[1]
        assert after[[0, 3, 4]].tolist() == before[[0, 3, 4]].tolist()
        assert (index in found["clamped_high"]) or high == before[1]
        assert (index in found["clamped_low"]) or low == before[2]


@given(st.lists(sound_candles(st.floats(80, 120)), min_size=1, max_size=7), st.randoms())
def test_the_verdict_does_not_depend_on_the_order_of_exchanges(minute, random):
    order = list(range(len(minute)))
    random.shuffle(order)
    candles, found = judge(*minute)
    again, moved = judge(*(minute[index] for index in order))
    assert again.tobytes() == candles[order].tobytes()
    assert {name: sorted(order[index] for index in own) for name, own in moved.items()} == found


@given(st.lists(sound_candles(st.floats(80, 120)), min_size=1, max_size=7), st.integers(-20, 20))
def test_the_verdict_does_not_depend_on_the_unit_of_prices(minute, exponent):
    scale = 2.0**exponent
    scaled = [(*(price * scale for price in own[:4]), own[4]) for own in minute]
    candles, found = judge(*minute)
    again, same = judge(*scaled)
    assert same == found
    np.testing.assert_allclose(again[:, :4] / scale, candles[:, :4], rtol=1e-12)
