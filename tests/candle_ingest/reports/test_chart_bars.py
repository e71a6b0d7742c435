import pytest

from candle_ingest.candles.timeframe import Timeframe
from candle_ingest.candles.window import DAY_MS, MINUTE_MS, Window
from candle_ingest.reports.chart_bars import MAX_BARS, bar_length_ms


@pytest.mark.parametrize(
    ("days", "bar_minutes", "minutes"), [(0.25, 1, 1), (1, 1, 2), (7, 1, 15), (365, 1, 720), (1, 240, 240)]
)
def test_the_shortest_bar_length_that_gives_few_enough_bars_is_used(days, bar_minutes, minutes):
    assert bar_length_ms(Window(0, int(days * DAY_MS)), Timeframe(bar_minutes)) == minutes * MINUTE_MS


@pytest.mark.parametrize("days", [1, 3, 10, 100, 365, 1000, 3660])
def test_a_chart_never_has_more_than_the_most_bars(days):
    assert days * DAY_MS / bar_length_ms(Window(0, days * DAY_MS), Timeframe(1)) <= MAX_BARS
