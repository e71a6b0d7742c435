import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from candle_ingest.candles.candles import Candles
from candle_ingest.candles.identity import close_ratios, compared_exchanges, mismatches
from candle_ingest.candles.window import MINUTE_MS


def trading(price, minutes=range(60), volume=1.0):
    return Candles.from_rows([(minute * MINUTE_MS, *[price + minute * 1e-4] * 4, volume) for minute in minutes])


def refused(prices, established=()):
    by_exchange = {name: trading(price) if isinstance(price, float) else price for name, price in prices.items()}
    return [found.exchange for found in mismatches(close_ratios(by_exchange), established)]


def test_another_coin_under_the_same_ticker_is_refused():
    by_exchange = {"binance": trading(0.15), "kraken": trading(16.9), "okx": trading(0.15)}
    [found] = mismatches(close_ratios(by_exchange))
    assert (found.exchange, found.other) == ("kraken", "binance")
    assert "another asset or another unit" in str(found)


def test_another_unit_is_refused():
    assert refused({"binance": 0.02, "kraken": 0.02, "htx": 20.0, "gate": 0.0201}) == ["htx"]


@pytest.mark.parametrize(("price", "expected"), [(8.01, []), (7.9, ["c"]), (12.4, []), (12.6, ["c"])])
def test_the_limits_are_a_fifth_below_and_a_quarter_above(price, expected):
    assert refused({"a": trading(10.0, volume=1.0), "b": 10.0, "c": price}) == expected


def test_exchanges_with_fewer_than_thirty_common_minutes_are_not_compared():
    for minutes, volume, expected in ((range(30), 1.0, ["c"]), (range(29), 1.0, []), (range(60), 0.0, [])):
        assert refused({"a": 10.0, "b": 10.0, "c": trading(99.0, minutes, volume)}) == expected


def test_only_an_exchange_with_thirty_common_minutes_counts_as_compared():
    by_exchange = {"b": trading(10.0), "a": trading(10.0), "c": trading(99.0, range(29))}
    assert compared_exchanges(close_ratios(by_exchange)) == ["a", "b"]


def test_of_two_that_differ_the_new_exchange_is_refused():
    assert refused({"binance": 10.0, "kraken": 99.0}, established=("binance",)) == ["kraken"]


def test_of_two_that_differ_both_are_refused_if_both_or_none_are_new():
    assert refused({"binance": 10.0, "kraken": 99.0}) == ["binance", "kraken"]
    assert refused({"binance": 10.0, "kraken": 99.0}, ("binance", "kraken")) == ["binance", "kraken"]


def test_one_exchange_alone_is_not_refused():
    assert refused({"binance": 10.0}) == refused({}) == []


def test_an_exchange_that_shares_no_minutes_with_others_is_not_refused():
    late = trading(99.0, range(100, 160))
    assert refused({"a": 10.0, "b": 10.0, "c": late}) == []


@given(
    st.lists(st.floats(0.95, 1.05), min_size=2, max_size=6),
    st.floats(1e-6, 0.5) | st.floats(2.0, 1e6),
    st.floats(1e-3, 1e3),
    st.randoms(),
)
def test_one_foreign_asset_among_honest_exchanges_is_found_at_any_price(honest, factor, scale, random):
    names = [f"x{index}" for index in range(len(honest) + 1)]
    random.shuffle(names)
    minutes = np.arange(40) * MINUTE_MS
    book = {
        name: Candles(minutes, np.tile([price * scale] * 4 + [1.0], (40, 1)))
        for name, price in zip(names, [*honest, factor], strict=True)
    }
    assert [found.exchange for found in mismatches(close_ratios(book))] == [names[-1]]
