import ccxt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from candle_ingest.candles.timeframe import CCXT_NAMES, Timeframe
from candle_ingest.candles.window import DAY_MS, MINUTE_MS, Window
from candle_ingest.errors import ConfigurationError


@pytest.mark.parametrize("minutes", CCXT_NAMES)
def test_a_name_means_the_same_length_in_ccxt(minutes):
    assert ccxt.Exchange.parse_timeframe(Timeframe(minutes).ccxt_name) * 1000 == Timeframe(minutes).ms


@pytest.mark.parametrize("minutes", CCXT_NAMES)
def test_every_candle_length_divides_the_day_so_that_midnight_is_on_the_grid(minutes):
    assert DAY_MS % Timeframe(minutes).ms == 0


@pytest.mark.parametrize("minutes", [0, -1, 2, 7, 1441, 10080])
def test_a_length_without_a_name_is_refused_with_the_allowed_ones(minutes):
    with pytest.raises(ConfigurationError, match=rf"candle_granularity_minutes is {minutes}; allowed are 1, 3, 5"):
        Timeframe(minutes)


def test_the_source_of_a_candle_is_the_largest_that_divides_it():
    assert Timeframe(480).source({"1m", "1h", "4h", "6h"}) == Timeframe(240)
    assert Timeframe(480).source({"1m", "1h", "6h"}) == Timeframe(60)
    assert Timeframe(60).source({"1h", "1m"}) == Timeframe(60)


def test_without_a_candle_that_divides_there_is_no_source():
    assert Timeframe(3).source({"5m", "1w"}) is None


@given(st.sampled_from(list(CCXT_NAMES)), st.integers(0, 2**41))
def test_the_candle_at_a_time_holds_it_and_has_one_slot(minutes, time_ms):
    timeframe = Timeframe(minutes)
    candle = timeframe.candle_at(time_ms)
    assert candle.start_ms <= time_ms < candle.end_ms
    assert candle.start_ms % timeframe.ms == 0
    assert timeframe.slots(candle) == 1


def test_slots_count_whole_candles_only():
    assert Timeframe(60).slots(Window(0, 3 * 60 * MINUTE_MS - 1)) == 2
    assert str(Timeframe(60)) == "1h"
