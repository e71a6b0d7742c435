from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from candle_ingest.candles.dates import interval_start, parse_moment_ms, parse_start_date
from candle_ingest.errors import ConfigurationError

NOW = datetime(2026, 11, 25, 13, 7, 30, tzinfo=UTC)  # a Wednesday
MOMENTS = st.integers(16_000 * 86_400, 24_000 * 86_400).map(lambda s: datetime.fromtimestamp(s, UTC))


def utc(*fields):
    return datetime(*fields, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2024-02-29", utc(2024, 2, 29)),
        ("1_day_ago", utc(2026, 11, 24)),
        ("30_days_ago", utc(2026, 10, 26)),
        ("1_week_ago", utc(2026, 11, 16)),
        ("2_weeks_ago", utc(2026, 11, 9)),
        ("1_month_ago", utc(2026, 10, 1)),
        ("6_months_ago", utc(2026, 5, 1)),
        ("1_year_ago", utc(2025, 11, 1)),
        ("3_years_ago", utc(2023, 11, 1)),
        ("skip", None),
    ],
)
def test_every_form_is_understood_and_rounded_down(text, expected):
    assert parse_start_date(text, NOW) == expected


@pytest.mark.parametrize(
    "text",
    ["", "yesterday", "0_days_ago", "-1_days_ago", "1_hour_ago", "1 day ago", "SKIP", "2026-02-30", "2026/01/01",
     "2026-01-01T00:00", "9999_years_ago", "99999_days_ago", "1_day_ago\n"],
)  # fmt: skip
def test_anything_else_is_refused_with_what_is_allowed(text):
    with pytest.raises(ConfigurationError, match=r"backfill_start_date is .*; allowed is YYYY-MM-DD, N_days_ago"):
        parse_start_date(text, NOW)


@given(MOMENTS, st.integers(0, 86_399), st.sampled_from(["1_day_ago", "1_week_ago", "1_month_ago", "1_year_ago"]))
def test_a_relative_date_does_not_move_within_a_day(moment, seconds, text):
    midnight = datetime(moment.year, moment.month, moment.day, tzinfo=UTC)
    assert parse_start_date(text, midnight) == parse_start_date(text, midnight + timedelta(seconds=seconds))


@given(MOMENTS, st.integers(1, 60), st.sampled_from(["day", "week", "month", "year"]))
def test_a_relative_date_is_a_midnight_at_least_as_far_back_as_requested(moment, number, unit):
    start = parse_start_date(f"{number}_{unit}s_ago", moment)
    shortest = {"day": 1, "week": 7, "month": 28, "year": 365}[unit]
    assert start == utc(start.year, start.month, start.day)
    assert start <= moment - timedelta(days=number * shortest)


def test_the_day_is_the_one_in_utc_whatever_the_zone_of_the_clock():
    assert parse_start_date("1_day_ago", utc(2026, 11, 25, 1).astimezone(timezone(timedelta(hours=-8)))) == utc(
        2026, 11, 24
    )


@pytest.mark.parametrize(
    ("start", "cron", "expected"),
    [
        (utc(2026, 11, 16), "@hourly", utc(2026, 11, 16)),
        (utc(2026, 11, 16), "@daily", utc(2026, 11, 16)),
        (utc(2026, 11, 16), "@weekly", utc(2026, 11, 15)),
        (utc(2026, 11, 15), "@weekly", utc(2026, 11, 15)),
        (utc(2026, 11, 16), "@monthly", utc(2026, 11, 1)),
        (utc(2026, 11, 1), "@monthly", utc(2026, 11, 1)),
        (utc(2026, 11, 16), "30 6 * * *", utc(2026, 11, 15, 6, 30)),
        (utc(2026, 3, 29), "0 */12 * * *", utc(2026, 3, 29)),
    ],
)
def test_the_first_interval_contains_the_start_date(start, cron, expected):
    assert interval_start(start, cron) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-01-01", utc(2026, 1, 1)),
        ("2026-01-01T06:30", utc(2026, 1, 1, 6, 30)),
        ("2026-01-01T06:30:15.900Z", utc(2026, 1, 1, 6, 30, 15)),
        ("2026-01-01T06:30+02:00", utc(2026, 1, 1, 4, 30)),
        ("2026-01-01 06:30:00", utc(2026, 1, 1, 6, 30)),
    ],
)
def test_a_moment_without_an_offset_is_utc(text, expected):
    assert parse_moment_ms(text) == expected.timestamp() * 1000


@pytest.mark.parametrize("text", ["", "now", "2026-13-01", "1700000000000"])
def test_text_that_is_not_a_time_raises(text):
    with pytest.raises(ValueError):  # noqa: PT011 - the caller says which param it is
        parse_moment_ms(text)
