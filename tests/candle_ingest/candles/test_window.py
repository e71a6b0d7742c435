from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from candle_ingest.candles.window import (
    DAY_MS,
    MINUTE_MS,
    Window,
    contiguous_end_ms,
    floor_ms,
    format_ms,
    split_days,
    split_rows,
    subtract,
    union,
)

NOON_MS = 1_795_262_400_000  # 2026-11-21T12:00Z
WINDOWS = st.tuples(st.integers(0, 30), st.integers(0, 8)).map(lambda w: Window(w[0], w[0] + w[1]))
MANY = st.lists(WINDOWS, max_size=8)
BARS = st.sampled_from([1, 5, 60]).map(lambda minutes: minutes * MINUTE_MS)


def times(windows):
    return {t for window in windows for t in range(window.start_ms, window.end_ms)}


def assert_ascending_and_apart(windows):
    assert all(windows)
    assert all(before.end_ms < after.start_ms for before, after in pairwise(windows))


def test_a_window_cannot_end_before_it_starts():
    with pytest.raises(ValueError, match="cannot end"):
        Window(2, 1)


def test_the_end_is_not_part_of_a_window():
    assert union([Window(0, 5), Window(5, 9)]) == [Window(0, 9)]
    assert not Window(0, 5).intersection(Window(5, 9))


def test_an_empty_window_is_false_and_has_no_slots():
    assert not Window(3, 3)
    assert Window(3, 3).slots(1) == 0


def test_slots_counts_the_candles_that_fit():
    assert Window(NOON_MS, NOON_MS + DAY_MS).slots(MINUTE_MS) == 1440
    assert Window(0, 3 * MINUTE_MS - 1).slots(MINUTE_MS) == 2


def test_a_window_shows_as_utc():
    assert str(Window(NOON_MS, NOON_MS + 90_000)) == "[2026-11-21T12:00Z, 2026-11-21T12:01:30Z)"


@pytest.mark.parametrize(("time_ms", "bar_ms", "floor"), [(119_999, 60_000, 60_000), (60_000, 60_000, 60_000)])
def test_floor_goes_down_to_the_grid_and_stays_on_it(time_ms, bar_ms, floor):
    assert floor_ms(time_ms, bar_ms) == floor


def test_format_has_seconds_only_where_there_are_any():
    assert [format_ms(NOON_MS), format_ms(NOON_MS + 1000)] == ["2026-11-21T12:00Z", "2026-11-21T12:00:01Z"]


@given(WINDOWS, WINDOWS)
def test_intersection_has_the_times_of_both(one, other):
    assert times([one.intersection(other)]) == times([one]) & times([other])


@given(WINDOWS, WINDOWS)
def test_a_window_covers_what_lies_within_it(one, other):
    if other:
        assert one.covers(other) == (times([other]) <= times([one]))


@given(MANY)
def test_union_has_the_same_times_in_the_fewest_windows(windows):
    joined = union(windows)
    assert times(joined) == times(windows)
    assert_ascending_and_apart(joined)


@given(WINDOWS, MANY)
def test_subtract_leaves_what_is_not_covered(window, covered):
    missing = subtract(window, covered)
    assert times(missing) == times([window]) - times(covered)
    assert_ascending_and_apart(missing)


@given(st.integers(0, 40), MANY)
def test_contiguous_end_is_the_first_time_that_nothing_covers(start_ms, covered):
    end_ms = contiguous_end_ms(start_ms, covered)
    assert set(range(start_ms, end_ms)) <= times(covered)
    assert end_ms not in times(covered)


@given(BARS, st.integers(0, 500), st.integers(0, 200), st.integers(1, 70))
def test_split_by_rows_is_a_partition_into_requests_as_full_as_possible(bar_ms, first, slots, rows):
    window = Window(first * bar_ms, (first + slots) * bar_ms)
    parts = list(split_rows(window, bar_ms, rows))
    assert [part.slots(bar_ms) for part in parts] == [rows] * (slots // rows) + [slots % rows] * bool(slots % rows)
    assert_partition(parts, window)


@given(st.integers(0, 3 * DAY_MS), st.integers(0, 4 * DAY_MS))
def test_split_by_days_is_a_partition_cut_at_midnight_utc_only(start_ms, length_ms):
    window = Window(NOON_MS + start_ms, NOON_MS + start_ms + length_ms)
    parts = list(split_days(window))
    assert_partition(parts, window)
    assert all(floor_ms(part.start_ms, DAY_MS) == floor_ms(part.end_ms - 1, DAY_MS) for part in parts)
    assert all(part.end_ms % DAY_MS == 0 for part in parts[:-1])


def assert_partition(parts, window):
    assert all(parts)
    borders = [window.start_ms, *(part.end_ms for part in parts)] if parts else [window.start_ms]
    assert [part.start_ms for part in parts] == borders[:-1]
    assert borders[-1] == window.end_ms
