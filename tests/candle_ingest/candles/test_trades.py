import math
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from candle_ingest.candles.candles import Candles
from candle_ingest.candles.timeframe import Timeframe
from candle_ingest.candles.trades import Trade, candles_from_trades
from candle_ingest.candles.window import MINUTE_MS, Window, floor_ms

START_MS = 1_700_000_040_000
WINDOW = Window(START_MS, START_MS + 5 * MINUTE_MS)
DECIMALS = st.decimals(Decimal("0.00000001"), Decimal("1000000"), places=8)


@st.composite
def trade_lists(draw):
    """Generate trades in order of time with ascending ids; some are outside the window."""
    times = sorted(draw(st.lists(st.floats(-0.5, 5.5), max_size=20)))
    return [
        Trade(number, START_MS + minutes * MINUTE_MS, draw(DECIMALS), draw(DECIMALS))
        for number, minutes in enumerate(times)
    ]


def trade(number, seconds, price, amount="1"):
    return Trade(number, START_MS + seconds * 1000.0, Decimal(price), Decimal(amount))


def rows(trades, window=WINDOW):
    return candles_from_trades(trades, window, Timeframe(1)).rows()


def test_a_candle_is_first_highest_lowest_last_and_the_sum():
    trades = [
        trade(1, 0, "10", "0.1"),
        trade(2, 20, "12", "0.2"),
        trade(3, 40, "9", "0.3"),
        trade(4, 59.999, "11", "0.4"),
    ]
    assert rows(trades) == [(START_MS, 10.0, 12.0, 9.0, 11.0, 1.0)]


def test_amounts_are_added_exactly():
    assert rows([trade(number, number, "10", "0.1") for number in range(10)])[0][5] == 1.0


def test_a_trade_at_the_full_minute_belongs_to_the_candle_that_opens_then():
    assert [row[0] for row in rows([trade(1, 59.999, "10"), trade(2, 60, "11")])] == [START_MS, START_MS + MINUTE_MS]


def test_a_minute_without_trades_has_no_candle():
    found = rows([trade(1, 0, "10"), trade(2, 130, "11")])
    assert [row[0] for row in found] == [START_MS, START_MS + 2 * MINUTE_MS]


@given(trade_lists())
def test_every_candle_is_made_of_the_trades_of_its_minute_and_of_nothing_else(trades):
    inside = [trade for trade in trades if WINDOW.start_ms <= trade.time_ms < WINDOW.end_ms]
    found = rows(trades)
    assert [row[0] for row in found] == sorted({floor_ms(int(trade.time_ms), MINUTE_MS) for trade in inside})
    for time, open_, high, low, close, volume in found:
        own = [trade for trade in inside if time <= trade.time_ms < time + MINUTE_MS]
        prices = [float(trade.price) for trade in own]
        assert (open_, high, low, close) == (prices[0], max(prices), min(prices), prices[-1])
        assert volume == float(sum(Fraction(trade.amount) for trade in own))


@given(trade_lists(), st.integers(0, 5))
def test_two_parts_of_the_window_give_the_same_candles_as_the_whole(trades, cut):
    border_ms = START_MS + cut * MINUTE_MS
    parts = [Window(WINDOW.start_ms, border_ms), Window(border_ms, WINDOW.end_ms)]
    joined = Candles.concatenate([candles_from_trades(trades, part, Timeframe(1)) for part in parts])
    assert joined.rows() == rows(trades)


@pytest.mark.parametrize(("takers", "bought"), [((True, False, True), 0.4), ((True, None, False), math.nan)])
def test_candles_from_trades_have_quote_volume_trade_count_and_taker_volume(takers, bought):
    prices, amounts = ("10.1", "10.2", "10.3"), ("0.1", "0.2", "0.3")
    trades = [
        Trade(index, 60_000 + index, Decimal(price), Decimal(amount), taker)
        for index, (price, amount, taker) in enumerate(zip(prices, amounts, takers, strict=True))
    ]
    candles = candles_from_trades(trades, Window(0, 120_000), Timeframe(1))
    np.testing.assert_array_equal(candles.extras, [(6.14, 3.0, bought)])
