import ccxt
import pytest

from candle_ingest.candles.timeframe import TIMEFRAMES, bar_ms, source_minutes, timeframe_name
from candle_ingest.candles.window import DAY_MS
from candle_ingest.errors import ConfigurationError


@pytest.mark.parametrize("minutes", TIMEFRAMES)
def test_a_name_means_to_ccxt_the_length_that_it_has_here(minutes):
    assert ccxt.Exchange.parse_timeframe(timeframe_name(minutes)) * 1000 == bar_ms(minutes)


@pytest.mark.parametrize("minutes", TIMEFRAMES)
def test_every_candle_length_divides_the_day_so_that_midnight_is_on_the_grid(minutes):
    assert DAY_MS % bar_ms(minutes) == 0


@pytest.mark.parametrize("minutes", [0, -1, 2, 7, 1441, 10080])
def test_a_length_without_a_name_is_refused_with_the_possible_ones(minutes):
    with pytest.raises(ConfigurationError, match=rf"candle_granularity_minutes is {minutes}; possible are 1, 3, 5"):
        timeframe_name(minutes)


def test_the_source_of_a_candle_is_the_largest_that_divides_it():
    assert source_minutes(480, {"1m", "1h", "4h", "6h"}) == 240
    assert source_minutes(480, {"1m", "1h", "6h"}) == 60
    assert source_minutes(60, {"1h", "1m"}) == 60


def test_without_a_candle_that_divides_there_is_no_source():
    assert source_minutes(3, {"5m", "1w"}) is None
