from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from candle_ingest.candles.window import DAY_MS, Window, floor_ms
from candle_ingest.reports.coverage_days import last_columns


def ms(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


NOW = ms("2026-11-25T13:45")


def test_days_end_with_the_one_that_has_begun():
    columns = last_columns(2, NOW)
    assert (columns.fold, columns.edges_ms) == ("day", [ms("2026-11-24"), ms("2026-11-25"), ms("2026-11-26")])


def test_years_are_folded_to_weeks_from_monday():
    columns = last_columns(730, NOW)
    assert columns.fold == "week"
    assert {datetime.fromtimestamp(edge / 1000, UTC).weekday() for edge in columns.edges_ms} == {0}
    assert columns.window.covers(Window(ms("2024-11-26"), ms("2026-11-26")))


def test_ten_years_are_folded_to_months():
    columns = last_columns(3650, NOW)
    assert columns.fold == "month"
    assert columns.edges_ms[-2:] == [ms("2026-11-01"), ms("2026-12-01")]
    assert len(columns.edges_ms) - 1 <= 122


@given(days=st.integers(1, 3660), now_ms=st.integers(ms("2015-01-01"), ms("2060-01-01")))
def test_columns_cover_the_range_whatever_they_are_folded_to(days, now_ms):
    columns = last_columns(days, now_ms)
    today_ms = floor_ms(now_ms, DAY_MS)
    assert columns.window.covers(Window(today_ms - (days - 1) * DAY_MS, today_ms + DAY_MS))
    assert columns.edges_ms == sorted(set(columns.edges_ms))
    assert len(columns.edges_ms) - 1 <= 400
    assert all(edge % DAY_MS == 0 for edge in columns.edges_ms)


@pytest.mark.parametrize(
    ("days", "wanted"), [(3, [0, 1, 1]), (730, [*([0] * 103), 2, 0])], ids=["in days", "folded to weeks"]
)
def test_wanted_days_are_those_of_the_history(days, wanted):
    columns = last_columns(days, NOW)
    history = {3: Window(ms("2026-11-24"), ms("2026-12-01")), 730: Window(ms("2026-11-20"), ms("2026-11-22"))}[days]
    assert columns.days_within(history)[-len(wanted) :] == wanted
