import math
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from candle_ingest.candles.candles import Candles
from candle_ingest.candles.row_checks import check_one_by_one, check_rows
from candle_ingest.candles.timeframe import Timeframe
from candle_ingest.candles.window import MINUTE_MS, Window

START_MS = 1_700_000_040_000
WINDOW = Window(START_MS, START_MS + 10 * MINUTE_MS)
GOOD = (10.0, 12.0, 9.0, 11.0, 5.0)
OTHER = (10.0, 12.0, 9.0, 11.5, 5.0)
BAD = (10.0, 8.0, 9.0, 11.0, 5.0)
NO_EXTRAS = (math.nan,) * 3

# All that `json.loads` can give: it takes NaN, Infinity and whole numbers of any length.
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.just(10**400),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=7),
    max_leaves=8,
)
GRID_TIMES = st.integers(-2, 12).map(lambda slot: START_MS + slot * MINUTE_MS)
PRICES = st.floats(1e-9, 1e9)
JUNK_ROWS = JSON | st.builds(lambda time, values: [time, *values], GRID_TIMES | JSON, st.lists(JSON, max_size=7))
# Rows as exchanges send them, and what comes close: whole numbers, numbers at the end of what floats can hold.
NUMBERS = st.sampled_from(
    [0, 1, 5e-324, sys.float_info.max, int(sys.float_info.max) + 1, 2**53 + 1, math.nan, math.inf]
)


@st.composite
def sound_values(draw):
    one, other, open_, close = draw(st.tuples(PRICES, PRICES, PRICES, PRICES))
    return [open_, max(one, other, open_, close), min(one, other, open_, close), close, draw(st.floats(0, 1e12))]


ROWS = st.lists(JUNK_ROWS | st.builds(lambda t, v: [t, *v], GRID_TIMES, sound_values()), max_size=8)


def at(slot, values=GOOD):
    return [START_MS + slot * MINUTE_MS, *values]


def check(*rows, extras=None):
    return check_rows(rows, WINDOW, Timeframe(1), extras=None if extras is None else np.array(extras, dtype=float))


def kept_rows(page):
    return [list(row) for row in page.candles.rows()]


@given(ROWS)
def test_no_answer_of_any_shape_raises_or_leaves_an_impossible_candle(rows):
    page = check_rows(rows, WINDOW, Timeframe(1))
    times = [row[0] for row in page.candles.rows()]
    assert times == sorted(set(times))
    for time, open_, high, low, close, volume in page.candles.rows():
        assert WINDOW.start_ms <= time < WINDOW.end_ms
        assert time % MINUTE_MS == 0
        assert 0 < low <= min(open_, close)
        assert max(open_, close) <= high < math.inf
        assert 0 <= volume < math.inf


@given(st.dictionaries(st.integers(0, 9), sound_values(), max_size=10), st.lists(JSON, max_size=4), st.randoms())
def test_sound_rows_are_all_kept_unchanged_whatever_is_between_them(sound, junk, random):
    rows = [at(slot, values) for slot, values in sound.items()]
    mixed = [*rows, *junk]
    random.shuffle(mixed)
    assert kept_rows(check_rows(mixed, WINDOW, Timeframe(1))) == sorted(rows)


def same(one, other):
    """Compare everything in two pages; floats by their bits."""
    return [
        (page.candles.open_time_ms.tobytes(), page.candles.ohlcv.tobytes(), page.candles.ohlcv.shape,
         page.candles.extras.tobytes(), page.rejected, page.rejected_slots, page.outside_count, page.corrections)
        for page in (one, other)
    ]  # fmt: skip


NEAR_ROWS = st.builds(
    lambda time, values, index, value: [time, *values[:index], value, *values[index + 1 :]],
    GRID_TIMES | GRID_TIMES.map(float) | NUMBERS,
    sound_values(),
    st.integers(0, 5),
    NUMBERS,
)
SOUND_ROWS = st.builds(lambda t, v: [t, *v], GRID_TIMES | GRID_TIMES.map(float), sound_values())
EXTRAS = st.tuples(*[st.just(math.nan) | st.floats() | st.integers(0, 9).map(float)] * 3)


@given(
    st.lists(SOUND_ROWS | NEAR_ROWS, max_size=8) | st.lists(SOUND_ROWS, max_size=8),
    st.booleans(),
    st.lists(EXTRAS, min_size=8, max_size=8),
)
def test_all_rows_at_once_give_what_row_by_row_gives(rows, in_order, extras):
    if in_order:
        rows = sorted({float(row[0]): row for row in rows if row[0] < 1e300}.values(), key=lambda row: float(row[0]))
    own = np.array(extras[: len(rows)], dtype=float).reshape(-1, 3)
    at_once = check_rows(rows, WINDOW, Timeframe(1), extras=own)
    one, other = same(at_once, check_one_by_one(rows, WINDOW, Timeframe(1), extras=own))
    assert one == other


@given(ROWS)
def test_every_answered_time_of_the_window_is_either_kept_or_rejected(rows):
    page = check_rows(rows, WINDOW, Timeframe(1))
    answered = {
        row[0]
        for row in rows
        if isinstance(row, list)
        and len(row) >= 6
        and isinstance(row[0], int)
        and row[0] % MINUTE_MS == 0
        and WINDOW.start_ms <= row[0] < WINDOW.end_ms
    }
    kept = {row[0] for row in page.candles.rows()}
    assert kept | page.rejected_slots >= answered
    assert not kept & page.rejected_slots
    assert not page.rejected_slots or page.rejected


@pytest.mark.parametrize("order", ["ABA", "AAB", "BAA", "ABB", "ABAB"])
def test_a_time_with_different_values_is_rejected_however_often_one_of_them_appears(order):
    page = check(*(at(3, {"A": GOOD, "B": OTHER}[letter]) for letter in order), at(4))
    assert kept_rows(page) == [at(4)]
    assert page.rejected_slots == {at(3)[0]}
    assert set(page.rejected) == {"time appears twice with different values"}


@pytest.mark.parametrize("values", [(GOOD, BAD), (BAD, GOOD), (GOOD, BAD, GOOD)])
def test_a_time_with_a_sound_and_an_unsound_row_is_rejected(values):
    page = check(*(at(3, one) for one in values))
    assert len(page.candles) == 0
    assert page.rejected_slots == {at(3)[0]}


def test_a_row_that_appears_twice_with_the_same_values_counts_once():
    page = check(at(3), at(3))
    assert (kept_rows(page), page.rejected) == ([at(3)], {})


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ((math.nan, 12.0, 9.0, 11.0, 5.0), "value not a finite number"),
        ((10.0, math.inf, 9.0, 11.0, 5.0), "value not a finite number"),
        ((10.0, 12.0, 9.0, 11.0, None), "value not a finite number"),
        ((10.0, 12.0, "9", 11.0, 5.0), "value not a finite number"),
        ((10.0, 12.0, 9.0, True, 5.0), "value not a finite number"),
        ((10.0, 10**400, 9.0, 11.0, 5.0), "value not a finite number"),
        ((10.0, 12.0, 0.0, 11.0, 5.0), "price not positive"),
        ((-10.0, 12.0, -11.0, 11.0, 5.0), "price not positive"),
        ((10.0, 12.0, 9.0, 11.0, -1e-9), "volume negative"),
        ((10.0, 10.5, 9.0, 11.0, 5.0), "prices not ordered low <= open, close <= high"),
        ((8.0, 12.0, 9.0, 11.0, 5.0), "prices not ordered low <= open, close <= high"),
    ],
)
def test_an_impossible_row_is_rejected_with_its_reason(values, reason):
    page = check(at(3, values), at(4))
    assert kept_rows(page) == [at(4)]
    assert page.rejected == {reason: 1}
    assert page.rejected_slots == {at(3)[0]}


@pytest.mark.parametrize(
    "time",
    [None, True, "1700000040000", math.nan, -60_000, 0, 10**400, 2**60, START_MS // 1000, START_MS * 1000],
    ids=lambda time: repr(time)[:20],
)
def test_a_row_without_a_usable_time_may_be_any_of_the_missing_candles(time):
    page = check([time, *GOOD], at(4))
    assert (kept_rows(page), page.rejected) == ([at(4)], {"open time not usable": 1})
    assert page.rejected_slots == {at(slot)[0] for slot in range(10)} - {at(4)[0]}


@pytest.mark.parametrize("row", [[], [START_MS], [START_MS, *GOOD[:4]], None, 5, "candle", {"0": START_MS}])
def test_a_row_of_another_shape_is_rejected_alone(row):
    page = check(row, *map(at, range(10)))
    assert (len(page.candles), page.rejected, page.rejected_slots) == (10, {"open time not usable": 1}, frozenset())


@pytest.mark.parametrize("late_ms", [1, 0.5, 14_789, MINUTE_MS - 1])
def test_a_row_less_than_a_candle_after_a_free_slot_is_that_candle(late_ms):
    page = check(at(2), [START_MS + 3 * MINUTE_MS + late_ms, *OTHER], at(4))
    assert kept_rows(page) == [at(2), at(3, OTHER), at(4)]
    assert (page.rejected, page.rejected_slots) == ({}, frozenset())
    assert page.corrections == {"open time off the grid, moved to the slot that contains it": 1}


def test_a_row_off_the_grid_whose_candle_is_there_is_rejected_alone():
    page = check(at(3), [START_MS + 3 * MINUTE_MS + 14_789, *OTHER], at(4))
    assert (kept_rows(page), page.rejected_slots) == ([at(3), at(4)], frozenset())
    assert page.rejected == {"open time off the grid, and another row has its slot": 1}


@pytest.mark.parametrize("order", [[1, 14_789], [14_789, 1]])
def test_two_different_rows_off_the_grid_in_one_slot_are_rejected(order):
    rows = [[START_MS + 3 * MINUTE_MS + late_ms, *GOOD[:4], late_ms] for late_ms in order]
    page = check(*rows, at(4))
    assert (kept_rows(page), page.rejected_slots) == ([at(4)], {at(3)[0]})


def test_where_the_last_row_counts_it_is_kept_and_the_others_are_recorded():
    rows = [at(2), at(3), at(3, BAD), at(3, OTHER), at(4), at(4)]
    page = check_rows(rows, WINDOW, Timeframe(1), last_counts=True)
    assert kept_rows(page) == [at(2), at(3, OTHER), at(4)]
    assert (page.rejected, page.rejected_slots) == ({}, frozenset())
    assert page.corrections == {"time appears twice with different values, the last row counts": 2}


def test_extra_values_come_with_their_candles():
    page = check(at(3), at(4), extras=[(52.5, 7, 2.0), (math.nan, 7, math.nan)])
    assert page.candles.extras[0].tolist() == [52.5, 7, 2.0]
    assert page.candles.extra_column("trade_count").tolist() == [7, 7]
    assert page.corrections == {}


@pytest.mark.parametrize(
    ("extras", "reason"),
    [
        ((44.9, 7, 2.0), "vwap outside low and high, extra values dropped"),
        ((60.1, 7, 2.0), "vwap outside low and high, extra values dropped"),
        ((-1.0, 7, 2.0), "impossible extra values, dropped"),
        ((52.5, 7.5, 2.0), "impossible extra values, dropped"),
        ((52.5, 7, 5.1), "impossible extra values, dropped"),
        ((52.5, -7, 2.0), "impossible extra values, dropped"),
        ((52.5, 7, math.inf), "impossible extra values, dropped"),
    ],
)
@pytest.mark.parametrize("others", [[], [at(4, BAD)]], ids=["at once", "one by one"])
def test_a_row_with_impossible_extra_values_keeps_its_ohlcv_and_loses_them(extras, reason, others):
    page = check(at(3), at(5), *others, extras=[extras, (52.5, 7, 2.0), *[NO_EXTRAS for _ in others]])
    assert kept_rows(page) == [at(3), at(5)]
    assert np.isnan(page.candles.extras).tolist() == [[True] * 3, [False] * 3]
    assert page.corrections == {reason: 1}


@pytest.mark.parametrize("volume", [0.0, 1e-8, 5.0, 1e9])
def test_a_vwap_at_the_very_edge_is_inside_whatever_the_volume(volume):
    row = at(3, (0.1, 0.3, 0.1, 0.2, volume))
    assert check(row, extras=[(0.3 * volume, 1, volume)]).corrections == {}


@pytest.mark.parametrize("slot", [-1, 10])
def test_a_row_outside_the_window_is_counted_and_not_kept(slot):
    page = check(at(slot), at(0), at(9))
    assert (kept_rows(page), page.outside_count, page.rejected) == ([at(0), at(9)], 1, {})


def test_rows_come_out_in_order_of_time():
    assert kept_rows(check(at(5), at(1), at(3))) == [at(1), at(3), at(5)]


def test_reasons_are_reported_with_their_counts():
    page = check(at(1, BAD), at(2, BAD), at(3, (10.0, 12.0, 9.0, 11.0, -1.0)))
    assert page.rejected_in_words == "2 × prices not ordered low <= open, close <= high, 1 × volume negative"


@given(st.lists(st.lists(st.integers(0, 9), unique=True, max_size=5), max_size=3))
def test_concatenated_parts_are_one_set_in_order_of_time(parts):
    slots = {slot: part for part, some in enumerate(parts) for slot in some}
    apart = [[at(slot) for slot in sorted(slots) if slots[slot] == part] for part in range(len(parts))]
    whole = Candles.concatenate([Candles.from_rows(rows) for rows in apart])
    assert [list(row) for row in whole.rows()] == [at(slot) for slot in sorted(slots)]
    assert (whole.extras.shape, np.isnan(whole.extras).all()) == ((len(slots), 3), True)


def test_extras_stay_with_their_candles_when_these_are_joined_and_cut():
    one = Candles.from_rows([[*at(1), 50.0, 4.0, 2.0], [*at(3), 51.0, 5.0, math.nan]])
    both = Candles.concatenate([Candles.from_rows([at(2)]), one])
    np.testing.assert_array_equal(both.extras, [[50.0, 4.0, 2.0], [math.nan] * 3, [51.0, 5.0, math.nan]])
    np.testing.assert_array_equal(both.between(at(3)[0], at(4)[0]).extras, [[51.0, 5.0, math.nan]])
    np.testing.assert_array_equal(both.extra_column("trade_count"), [4.0, math.nan, 5.0])


def test_extras_of_another_number_than_the_candles_are_an_error():
    with pytest.raises(ValueError, match="1 rows of extras for 2 candles"):
        Candles(np.array([0, 60_000]), np.ones((2, 5)), np.ones((1, 3)))
