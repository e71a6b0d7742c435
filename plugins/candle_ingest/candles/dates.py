"""The date from which history is kept, absolute or relative to today."""

import itertools
import re
from datetime import UTC, datetime, timedelta

import pendulum
from croniter import croniter

from candle_ingest.candles.window import Window, floor_ms
from candle_ingest.errors.settings import SettingError

SKIP = "skip"
ALLOWED = "YYYY-MM-DD, N_days_ago, N_weeks_ago, N_months_ago, N_years_ago or skip"
_RELATIVE = re.compile(r"([1-9]\d{0,3})_(day|week|month|year)s?_ago")
# A relative date is rounded down to the start of this unit, so that it stays the same from one parse of
# the DAG file to the next: Airflow makes a new DAG version each time the start date moves.
_ROUND_TO = {"day": "day", "week": "week", "month": "month", "year": "month"}


def parse_start_date(text: str, now: datetime) -> datetime | None:
    """Return midnight UTC of the date that `text` names; None for `skip`.

    Weeks are rounded down to Monday, months and years to the first of the month. Raises SettingError for anything else.

    >>> parse_start_date("1_year_ago", datetime(2026, 11, 22, 12, tzinfo=UTC)).date().isoformat()
    '2025-11-01'
    """
    if text == SKIP:
        return None
    try:
        if match := _RELATIVE.fullmatch(text):
            unit = match[2]
            start = pendulum.instance(now).in_timezone("UTC").subtract(**{f"{unit}s": int(match[1])})
            return _plain(start.start_of(_ROUND_TO[unit]))
        return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        raise SettingError(f"backfill_start_date is {text!r}; allowed is {ALLOWED}") from None


def interval_start(start: datetime, cron: str) -> datetime:
    """Return the start of the cron interval that contains `start`.

    Airflow begins with the first whole interval after a start date. Without this step, a start in the middle of a month
    would, with monthly intervals, leave out the rest of that month.
    """
    moment = croniter(cron, start + timedelta(seconds=1), ret_type=datetime).get_prev()
    return _plain(pendulum.instance(moment))


def history_start(text: str, cron: str, now: datetime) -> datetime | None:
    """Return the start of the interval that contains the date `text`, where the history begins; None for `skip`."""
    start = parse_start_date(text, now)
    return None if start is None else interval_start(start, cron)


def whole_intervals(start: datetime, cron: str, now: datetime) -> list[Window]:
    """Return the cron intervals from the one that contains `start` to the last one that is over at `now`, ascending."""
    ticks = [interval_start(start, cron)]
    following = croniter(cron, ticks[0], ret_type=datetime)
    while (tick := following.get_next().astimezone(UTC)) <= now:
        ticks.append(tick)
    times_ms = [int(tick.timestamp() * 1000) for tick in ticks]
    return [Window(*ends) for ends in itertools.pairwise(times_ms)]


def parse_moment_ms(text: str) -> int:
    """Return an ISO 8601 moment or date in ms since 1970; UTC if it has no offset. Raises ValueError."""
    moment = datetime.fromisoformat(text)
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return floor_ms(int(aware.timestamp() * 1000), 1000)


def _plain(moment: pendulum.DateTime) -> datetime:
    return datetime.fromtimestamp(moment.timestamp(), tz=UTC)
