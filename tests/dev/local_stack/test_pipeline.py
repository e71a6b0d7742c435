from datetime import UTC, datetime

import pytest

from candle_ingest.errors import ConfigurationError
from dev.local_stack.pipeline import default_pipeline, last_catch_up_end, plan_backfill

NOW = datetime(2026, 11, 22, 13, 7, tzinfo=UTC)


def pipeline(**settings):
    return default_pipeline({f"CANDLE_INGEST_{name.upper()}": value for name, value in settings.items()})


@pytest.mark.parametrize(
    ("start", "interval", "first", "end", "count"),
    [
        ("7_days_ago", "@daily", datetime(2026, 11, 15, tzinfo=UTC), datetime(2026, 11, 22, tzinfo=UTC), 7),
        (
            "2026-11-22",
            "@hourly",
            datetime(2026, 11, 22, tzinfo=UTC),
            datetime(2026, 11, 22, 13, tzinfo=UTC),
            13,
        ),
        ("1_year_ago", "@monthly", datetime(2025, 11, 1, tzinfo=UTC), datetime(2026, 11, 1, tzinfo=UTC), 12),
    ],
)
def test_whole_intervals_up_to_now(start, interval, first, end, count):
    plan = plan_backfill(pipeline(backfill_start_date=start, backfill_interval=interval), NOW)
    assert (plan.start, plan.end, plan.interval_count) == (first, end, count)


@pytest.mark.parametrize("start", ["skip", "2026-11-22"])
def test_nothing_to_backfill(start):
    assert plan_backfill(pipeline(backfill_start_date=start, backfill_interval="@daily"), NOW) is None


def test_catch_up_reaches_the_last_five_minutes():
    assert last_catch_up_end(pipeline(), NOW) == datetime(2026, 11, 22, 13, 5, tzinfo=UTC)


def test_a_bad_setting_is_one_line():
    with pytest.raises(ConfigurationError, match=r"backfill_start_date.*\[setting-invalid\]$"):
        pipeline(backfill_start_date="yesterday")
