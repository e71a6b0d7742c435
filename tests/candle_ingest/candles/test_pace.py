import pytest
from hypothesis import given
from hypothesis import strategies as st

from candle_ingest.candles.pace import Pace, is_believable, total_pace

MINUTES = 1440
HOURLY_TRADES = Pace(24 * 7, MINUTES * 7)
EVERY_MINUTE = Pace(MINUTES * 7, MINUTES * 7)


def test_an_hour_of_silence_is_believable_in_a_market_with_a_trade_an_hour():
    assert is_believable(60, HOURLY_TRADES, MINUTES)
    assert is_believable(600, HOURLY_TRADES, MINUTES)


def test_a_day_of_silence_is_not_believable_in_a_market_with_a_trade_an_hour():
    assert not is_believable(MINUTES, HOURLY_TRADES, MINUTES)


def test_a_market_that_trades_every_minute_is_suspected_after_a_few():
    assert is_believable(1, EVERY_MINUTE, MINUTES)
    assert not is_believable(4, EVERY_MINUTE, MINUTES)


@pytest.mark.parametrize("pace", [None, Pace(), Pace(0, 5000), Pace(20, 25)])
def test_without_a_known_pace_no_silence_is_believed(pace):
    assert not is_believable(1, pace, MINUTES)


@given(st.integers(1, 1440), st.integers(1, 10_000), st.integers(0, 10_000))
def test_a_shorter_silence_is_at_least_as_believable(slots, traded, silent):
    pace = Pace(traded, traded + silent)
    if is_believable(slots + 1, pace, MINUTES):
        assert is_believable(slots, pace, MINUTES)


def test_paces_add_up():
    assert total_pace([Pace(1, 2), Pace(3, 4)]) == Pace(4, 6)
