"""Candle arrays as the numbers that go on the wire."""

from collections.abc import Iterator
from typing import NamedTuple

from dev.exchange_simulator.candle_columns import (
    CLOSE,
    COUNT,
    OPEN,
    OPEN_TIME,
    QUOTE_DECIMALS,
    QUOTE_VOLUME,
    TAKER_QUOTE_VOLUME,
    TAKER_VOLUME,
    VOLUME,
)
from dev.exchange_simulator.hashing import Ints
from dev.exchange_simulator.markets import Market


class CandleRow(NamedTuple):
    """A candle in units of its market: time in ms UTC, prices and quote volumes in the quote, volumes in the base."""

    open_time_ms: int
    open: float
    high: float
    low: float
    close: float
    volume: float
    trade_count: int
    quote_volume: float
    taker_volume: float
    taker_quote_volume: float


def served_rows(market: Market, candles: Ints) -> Iterator[CandleRow]:
    """Return rows with prices and volume as the floats nearest to their decimals."""
    if not len(candles):
        return iter(())
    prices = candles[:, OPEN : CLOSE + 1] / 10.0**market.price_decimals
    base, quote = 10.0**market.volume_decimals, 10.0**QUOTE_DECIMALS
    columns = (
        candles[:, OPEN_TIME],
        *prices.T,
        candles[:, VOLUME] / base,
        candles[:, COUNT],
        candles[:, QUOTE_VOLUME] / quote,
        candles[:, TAKER_VOLUME] / base,
        candles[:, TAKER_QUOTE_VOLUME] / quote,
    )
    return map(CandleRow._make, zip(*(column.tolist() for column in columns), strict=True))
