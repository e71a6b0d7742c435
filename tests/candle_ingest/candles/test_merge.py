import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from candle_ingest.candles.candles import Candles
from candle_ingest.candles.window import MINUTE_MS
from tests.support.merge_candles import merge_candles

START_MS = 1_700_000_040_000
NAMES = ("binance", "bitstamp", "bybit", "coinbaseexchange", "gate", "htx", "kraken", "kucoin", "okx", "upbit")
HIGH_LOW = st.sampled_from(["weighted", "extremes"])
PRICES = st.floats(1e-9, 1e9)
VOLUMES = st.just(0.0) | st.floats(0, 1e15)

NUMBERS = st.integers(1, 1_000_000).map(lambda number: number / 7)


@st.composite
def candle_values(draw):
    one, other, open_, close = draw(st.tuples(PRICES, PRICES, PRICES, PRICES))
    return (open_, max(one, other, open_, close), min(one, other, open_, close), close, draw(VOLUMES))


# Minute → values, for each exchange.
MARKETS = st.dictionaries(
    st.sampled_from(NAMES), st.dictionaries(st.integers(0, 3), candle_values(), max_size=4), min_size=1
)


def candles(minutes):
    return Candles.from_rows([(START_MS + minute * MINUTE_MS, *minutes[minute]) for minute in sorted(minutes)])


def merge(markets, high_low="weighted"):
    return merge_candles({name: candles(minutes) for name, minutes in markets.items()}, high_low)


def bits(merged):
    """Return all values of the result; floats by their bits."""
    counts, sources = merged.exchange_count.tolist(), merged.source_exchanges
    return merged.candles.open_time_ms.tobytes(), merged.candles.ohlcv.tobytes(), counts, sources


def parts_of(markets):
    """Return, for each minute that any exchange has, the names and values of those that have it."""
    for minute in sorted({minute for minutes in markets.values() for minute in minutes}):
        yield minute, {name: markets[name][minute] for name in sorted(markets) if minute in markets[name]}


def test_the_example_of_the_design():
    closes = {"binance": (50100.0, 120.5), "coinbaseexchange": (50050.0, 95.2), "kraken": (50075.0, 67.8)}
    merged = merge({name: {0: (close, close, close, close, volume)} for name, (close, volume) in closes.items()})
    ((_, _, _, _, close, volume),) = merged.candles.rows()
    assert (round(close, 2), round(volume, 9)) == (50077.23, 283.5)
    assert (merged.exchange_count.tolist(), merged.source_exchanges) == ([3], ["binance,coinbaseexchange,kraken"])


@given(high_low=HIGH_LOW, markets=MARKETS, random=st.randoms())
def test_the_order_of_exchanges_does_not_change_one_bit(high_low, markets, random):
    names = list(markets)
    random.shuffle(names)
    assert bits(merge({name: markets[name] for name in names}, high_low)) == bits(merge(markets, high_low))


@given(high_low=HIGH_LOW, markets=MARKETS, cut=st.integers(0, 4))
def test_two_halves_of_time_give_the_same_bits_as_the_whole(high_low, markets, cut):
    halves = [
        merge(
            {name: {m: v for m, v in minutes.items() if (m < cut) == first} for name, minutes in markets.items()},
            high_low,
        )
        for first in (True, False)
    ]
    whole = merge(markets, high_low)
    first, second = map(bits, halves)
    assert tuple(a + b for a, b in zip(first, second, strict=True)) == bits(whole)


@given(st.lists(NUMBERS, min_size=8, max_size=len(NAMES)))
def test_a_minute_of_many_exchanges_merges_to_the_same_bits_alone_as_beside_another(numbers):
    candle_of = {name: (number, number, number, number, number) for name, number in zip(NAMES, numbers, strict=False)}
    alone = merge({name: {0: values} for name, values in candle_of.items()})
    beside = merge({name: {0: values, 1: values} for name, values in candle_of.items()})
    assert beside.candles.rows()[0] == alone.candles.rows()[0]


@given(NUMBERS, st.lists(NUMBERS, min_size=1, max_size=len(NAMES)))
def test_exchanges_that_agree_on_a_price_give_exactly_that_price(price, volumes):
    markets = {name: {0: (price, price, price, price, v)} for name, v in zip(NAMES, volumes, strict=False)}
    assert merge(markets).candles.rows()[0][1:5] == (price, price, price, price)


@given(high_low=HIGH_LOW, markets=MARKETS)
def test_a_minute_that_only_one_exchange_has_is_that_exchanges_candle(high_low, markets):
    merged = {row[0]: row[1:] for row in merge(markets, high_low).candles.rows()}
    for minute, parts in parts_of(markets):
        if len(parts) == 1:
            assert merged[START_MS + minute * MINUTE_MS] == next(iter(parts.values()))


@given(high_low=HIGH_LOW, minutes=st.dictionaries(st.integers(0, 3), candle_values(), max_size=4))
def test_one_exchange_alone_gives_itself_exactly(high_low, minutes):
    merged = merge({"kraken": minutes}, high_low)
    assert merged.candles.rows() == candles(minutes).rows()
    assert merged.source_exchanges == ["kraken"] * len(minutes)


@given(high_low=HIGH_LOW, markets=MARKETS)
def test_the_merged_candle_is_ordered_and_lies_between_the_lowest_and_the_highest(high_low, markets):
    for (_, open_, high, low, close, _), (_, parts) in zip(
        merge(markets, high_low).candles.rows(), parts_of(markets), strict=True
    ):
        assert low <= open_ <= high
        assert low <= close <= high
        assert min(part[2] for part in parts.values()) <= low
        assert high <= max(part[1] for part in parts.values())
        for field, value in ((0, open_), (3, close)):
            values = [part[field] for part in parts.values()]
            assert min(values) <= value <= max(values)


@given(MARKETS)
def test_prices_are_weighted_by_volume_and_volumes_add_up(markets):
    for (_, *merged), (_, parts) in zip(merge(markets).candles.rows(), parts_of(markets), strict=True):
        volumes = [Fraction(part[4]) for part in parts.values()]
        weights = volumes if any(volumes) else [Fraction(1)] * len(volumes)
        for field in range(4):
            exact = sum(w * Fraction(part[field]) for w, part in zip(weights, parts.values(), strict=True)) / sum(
                weights
            )
            assert merged[field] == pytest.approx(float(exact), rel=1e-12)
        assert merged[4] == pytest.approx(float(sum(volumes)), rel=1e-12, abs=0)


@given(MARKETS)
def test_a_minute_counts_and_names_exactly_the_exchanges_that_have_it(markets):
    merged, expected = merge(markets), [list(parts) for _, parts in parts_of(markets)]
    assert merged.exchange_count.tolist() == [len(names) for names in expected]
    assert merged.source_exchanges == [",".join(names) for names in expected]


@given(MARKETS)
def test_extremes_take_the_highest_high_and_lowest_low_that_traded_and_no_more(markets):
    extremes, weighted = merge(markets, "extremes").candles.rows(), merge(markets).candles.rows()
    for row, other, (_, parts) in zip(extremes, weighted, parts_of(markets), strict=True):
        counting = [part for part in parts.values() if part[4] > 0] or list(parts.values())
        assert row[2] == max(part[1] for part in counting)
        assert row[3] == min(part[2] for part in counting)
        assert (row[1], row[4], row[5]) == (other[1], other[4], other[5])


def test_without_any_volume_prices_are_plain_averages_and_volume_is_zero():
    merged = merge({"binance": {0: (10.0, 14.0, 8.0, 12.0, 0.0)}, "kraken": {0: (20.0, 24.0, 18.0, 22.0, 0.0)}})
    assert merged.candles.rows() == [(START_MS, 15.0, 19.0, 13.0, 17.0, 0.0)]
    assert merged.exchange_count.tolist() == [2]


def test_a_flat_candle_without_volume_takes_part_but_does_not_move_the_price():
    merged = merge({"binance": {0: (10.0, 14.0, 8.0, 12.0, 3.0)}, "kraken": {0: (20.0, 20.0, 20.0, 20.0, 0.0)}})
    assert merged.candles.rows() == [(START_MS, 10.0, 14.0, 8.0, 12.0, 3.0)]
    assert merged.source_exchanges == ["binance,kraken"]


@pytest.mark.parametrize("high_low", ["weighted", "extremes"])
def test_three_that_agree_give_their_price_to_the_bit_beside_a_flat_candle(high_low):
    agreed = {name: {0: (0.875, 1.0, 0.875, 1.0, 1.0)} for name in ("bitstamp", "bybit", "coinbaseexchange")}
    merged = merge({**agreed, "binance": {0: (0.5, 1.0, 0.5, 1.0, 0.0)}}, high_low)
    assert merged.candles.rows() == [(START_MS, 0.875, 1.0, 0.875, 1.0, 3.0)]


@pytest.mark.parametrize("markets", [{}, {"kraken": {}}, {"binance": {}, "kraken": {}}])
@pytest.mark.parametrize("high_low", ["weighted", "extremes"])
def test_nothing_merges_to_nothing(markets, high_low):
    merged = merge(markets, high_low)
    assert (len(merged), merged.candles.rows(), merged.source_exchanges) == (0, [], [])


def with_extras(volume, *extras):
    return Candles.from_rows([(START_MS, 10.0, 14.0, 8.0, 12.0, volume, *extras)])


def test_vwap_and_trade_count_are_those_of_all_exchanges():
    merged = merge_candles({"binance": with_extras(3.0, 33.0, 7, 1.0), "kraken": with_extras(1.0, 9.0, 2, math.nan)})
    assert (merged.vwap.tolist(), merged.trade_count.tolist()) == ([42.0 / 4.0], [9.0])


def test_vwap_and_trade_count_are_left_out_where_one_exchange_lacks_them():
    merged = merge_candles({"binance": with_extras(3.0, 33.0, 7, 1.0), "kraken": with_extras(1.0)})
    assert np.isnan([merged.vwap, merged.trade_count]).all()


def test_vwap_is_left_out_in_a_minute_without_trades():
    merged = merge_candles({"binance": with_extras(0.0, 0.0, 0, 0.0)})
    assert (np.isnan(merged.vwap).tolist(), merged.trade_count.tolist()) == ([True], [0.0])
