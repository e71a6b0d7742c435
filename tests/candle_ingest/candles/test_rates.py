import math
import statistics

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from candle_ingest.candles.candles import Candles
from candle_ingest.candles.medians import median
from candle_ingest.candles.rates import in_words, is_depeg, is_unusable, leg_rate, lookback, observed_rate, rate_pairs
from candle_ingest.candles.window import MINUTE_MS, Window

START_MS = 1_700_000_040_000
WINDOW = Window(START_MS, START_MS + 6 * MINUTE_MS)
NAMES = ("bitstamp", "coinbaseexchange", "kraken")
CLOSES = st.floats(0.5, 1.5)
# Minute → (close, volume), from ten minutes before the window.
MARKET = st.dictionaries(st.integers(-10, 5), st.tuples(CLOSES, st.sampled_from([0.0, 1.0, 1e6])), max_size=12)


def candles(minutes):
    return Candles.from_rows(
        [(START_MS + minute * MINUTE_MS, *[close] * 4, volume) for minute, (close, volume) in sorted(minutes.items())]
    )


def steady(close):
    return candles(dict.fromkeys(range(-10, 6), (close, 1.0)))


def plain_rate(markets, minute):
    """Return the rate by the documented rule, one minute of plain numbers at a time."""
    medians = []
    for market in markets.values():
        traded = [market[m][0] for m in range(minute - 4, minute + 1) if m in market and market[m][1] > 0]
        if traded:
            medians.append(statistics.median(traded))
    if not medians or max(medians) > min(medians) * 1.01:
        return None
    return statistics.median(medians)


@given(st.dictionaries(st.sampled_from(NAMES), MARKET))
def test_the_rate_is_the_median_over_markets_of_medians_over_five_minutes(markets):
    found = observed_rate("USDT/USD", {name: candles(market) for name, market in markets.items()}, WINDOW)
    for minute in range(6):
        expected = plain_rate(markets, minute)
        value = found.at(np.array([START_MS + minute * MINUTE_MS]))[0]
        assert math.isnan(value) if expected is None else value == pytest.approx(expected, rel=1e-15)


@given(st.lists(st.floats(0.5, 2.0) | st.just(math.nan), min_size=1, max_size=9))
def test_the_median_equals_that_of_the_standard_library(values):
    known = [value for value in values if not math.isnan(value)]
    [found] = median(np.array([values]).T)
    assert math.isnan(found) if not known else found == pytest.approx(statistics.median(known), rel=1e-15)


def test_one_wild_close_does_not_move_the_rate():
    market = dict.fromkeys(range(-4, 6), (1.0001, 5.0)) | {0: (3.99, 500.0)}
    found = observed_rate("USDC/USDT", {"binance": candles(market)}, WINDOW)
    assert found.values.tolist() == [1.0001] * 6


def test_a_close_older_than_five_minutes_or_without_volume_gives_no_rate():
    market = {-5: (1.0, 1.0), -4: (1.0, 0.0)}
    assert np.isnan(observed_rate("USDT/USD", {"kraken": candles(market)}, WINDOW).values).all()
    market[-4] = (0.99, 1.0)
    values = observed_rate("USDT/USD", {"kraken": candles(market)}, WINDOW).values
    np.testing.assert_array_equal(values, [0.99, *[math.nan] * 5])


@pytest.mark.parametrize(("other", "agree"), [(1.0099, True), (1.0101, False)])
def test_markets_more_than_one_percent_apart_give_no_rate(other, agree):
    found = observed_rate("USDT/USD", {"kraken": steady(1.0), "bitstamp": steady(other)}, WINDOW)
    assert np.isnan(found.values).all() == (not agree)


@pytest.mark.parametrize(
    ("leg", "quote", "pairs"),
    [
        ("USDT", "USD", ("USDT/USD",)),
        ("USDC", "USD", ("USDC/USD", "USDC/USDT", "USDT/USD")),
        ("USDC", "USDT", ("USDC/USDT",)),
        ("USDT", "EUR", ("USDT/EUR",)),
        ("USD", "USD", ()),
    ],
)
def test_the_pairs_that_give_a_rate(leg, quote, pairs):
    assert rate_pairs(leg, quote) == pairs


def test_a_usdc_leg_without_a_direct_close_is_converted_through_usdt():
    bridge = {"USDC/USDT": {"binance": steady(0.95)}, "USDT/USD": {"kraken": steady(1.02)}}
    direct = {"USDC/USD": {"kraken": candles({2: (0.97, 1.0)})}}
    found = leg_rate("USDC", "USD", {**bridge, **direct}, WINDOW)
    assert found.values.tolist() == [0.95 * 1.02] * 2 + [0.97] * 4
    assert in_words(found.sources_at(START_MS)) == "USDC/USDT: binance × USDT/USD: kraken"
    assert in_words(found.sources_at(START_MS + 2 * MINUTE_MS)) == "USDC/USD: kraken"


def test_direct_markets_that_contradict_each_other_are_not_bypassed():
    bridge = {"USDC/USDT": {"binance": steady(1.0)}, "USDT/USD": {"kraken": steady(1.0)}}
    direct = {"USDC/USD": {"kraken": steady(0.9), "bitstamp": steady(1.0)}}
    assert np.isnan(leg_rate("USDC", "USD", {**bridge, **direct}, WINDOW).values).all()


def test_half_a_bridge_gives_no_rate():
    found = leg_rate("USDC", "USD", {"USDC/USDT": {"binance": steady(1.0)}}, WINDOW)
    assert np.isnan(found.values).all()


def test_no_rate_candles_give_no_rate():
    assert np.isnan(leg_rate("USDT", "USD", {}, WINDOW).values).all()


def test_depeg_begins_past_half_a_percent_and_a_leg_is_unusable_past_ten():
    rates = np.array([0.8999, 0.9001, 0.9949, 0.9951, 1.0, 1.0049, 1.0051, 1.1001])
    assert is_depeg(rates).tolist() == [True, True, True, False, False, False, True, True]
    assert is_unusable(rates).tolist() == [True, False, False, False, False, False, False, True]
    assert not is_unusable(rates, "EUR").any()
    assert not is_depeg(rates, "EUR").any()


def test_a_rate_outside_its_window_is_an_error():
    found = leg_rate("USDT", "USD", {}, WINDOW)
    with pytest.raises(ValueError, match="no rates are known outside"):
        found.at(np.array([WINDOW.end_ms]))


def test_rates_look_four_minutes_back():
    assert lookback(WINDOW) == Window(START_MS - 4 * MINUTE_MS, WINDOW.end_ms)
