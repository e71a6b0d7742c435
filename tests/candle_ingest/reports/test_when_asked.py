import pytest

from candle_ingest.candles.dates import parse_moment_ms
from candle_ingest.candles.window import DAY_MS, MINUTE_MS, Window
from candle_ingest.reports.when_asked import when_asked
from candle_ingest.settings import PipelineSettings

NOW_MS = parse_moment_ms("2026-11-26T12:02:30Z")


def words(moment, length_ms=MINUTE_MS, **changed):
    values = {"name": "candle", "exchanges": ("kraken",), "backfill_start_date": "2026-11-20", **changed}
    start_ms = parse_moment_ms(moment)
    return when_asked(PipelineSettings(**values), Window(start_ms, start_ms + length_ms), NOW_MS)


@pytest.mark.parametrize(
    ("moment", "place", "run"),
    [
        ("2026-12-24T18:00Z", "It is still to come", "2026-12-24T18:05Z"),
        ("2026-12-24T18:04Z", "It is still to come", "2026-12-24T18:05Z"),
        ("2026-11-26T12:02Z", "It has not ended yet", "2026-11-26T12:05Z"),
        ("2026-11-26T12:01Z", "It has only just ended", "2026-11-26T12:05Z"),
    ],
)
def test_a_minute_ahead_of_catch_up_says_when_it_is_requested(moment, place, run):
    assert words(moment) == f"{place}: candle_catch_up requests it at {run}."


def test_a_future_day_is_requested_after_its_end():
    assert words("2026-11-27", DAY_MS) == "It is still to come: candle_catch_up requests it at 2026-11-28T00:00Z."


def test_a_minute_before_the_history_is_never_requested_by_itself():
    said = words("2026-11-19T23:59Z")
    assert said.startswith("It is before the history, which begins at 2026-11-20T00:00Z (backfill_start_date is 2026")
    assert "trigger candle_backfill with start and end" in said
    assert "begins at 2026-11-19T00:00Z" in words("2026-11-18T23:59Z", backfill_start_date="skip")


def test_a_minute_that_backfill_has_not_reached_is_part_of_the_history():
    assert words("2026-11-20T00:00Z") == "It is part of the history, and candle_backfill has not reached it yet."


def test_a_minute_that_catch_up_should_have_requested_is_late():
    assert words("2026-11-26T11:00Z").startswith("candle_catch_up was due to request it at 2026-11-26T11:05Z: it is")
