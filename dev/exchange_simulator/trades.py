"""The trades behind a minute candle: they build exactly that candle, and so the candle in progress."""

from dataclasses import dataclass

import numpy as np

from dev.exchange_simulator.hashing import Floats, Ints, seed_of, uniform
from dev.exchange_simulator.markets import Market
from dev.exchange_simulator.minute_candles import (
    CLOSE,
    COUNT,
    HIGH,
    LOW,
    MINUTE_MS,
    OPEN,
    OPEN_TIME,
    VOLUME,
)

# Room for the trades of a minute: an id is minute times this plus position, which needs no counting.
IDS_PER_MINUTE = 64
_SPAN_NS = 59_900_000_000


@dataclass(frozen=True, slots=True)
class Trade:
    """One trade: time in ns since 1970, price in ticks, volume in units."""

    id: int
    time_ns: int
    price: int
    volume: int
    side: str


def _times_ns(open_ms: int, draws: Floats) -> Ints:
    """Strictly ascending times inside the minute, on a grid of 100 ns."""
    slots = (np.arange(len(draws)) + 0.1 + 0.8 * draws) / len(draws)
    times: Ints = open_ms * 1_000_000 + (slots * _SPAN_NS).astype(np.int64) // 100 * 100
    return times


def _prices(row: Ints, draws: Floats) -> Ints:
    """The open first, the close last, from four trades on the high and the low, all others between."""
    low, high = int(row[LOW]), int(row[HIGH])
    prices: Ints = low + (draws * (high - low + 1)).astype(np.int64)
    prices = np.minimum(prices, high)
    if len(prices) >= 4:
        prices[1:3] = (high, low) if draws[0] < 0.5 else (low, high)
    prices[-1] = row[CLOSE]
    prices[0] = row[OPEN]
    return prices


def _volumes(total: int, draws: Floats) -> Ints:
    """Parts of the volume, each at least one unit, that add up to exactly the whole."""
    spare = total - len(draws)
    ends = np.floor(np.cumsum(draws) / np.sum(draws) * spare).astype(np.int64)
    ends[-1] = spare
    parts: Ints = np.diff(ends, prepend=0) + 1
    return parts


def minute_trades(market: Market, row: Ints) -> list[Trade]:
    """The trades of one minute candle, ascending; none for a quiet minute."""
    count = int(row[COUNT])
    if count == 0:
        return []
    seed = seed_of("trades", market.exchange, market.symbol)
    first_id = int(row[OPEN_TIME]) // MINUTE_MS * IDS_PER_MINUTE
    index = first_id + np.arange(count, dtype=np.int64)
    times = _times_ns(int(row[OPEN_TIME]), uniform(seed, index))
    prices = _prices(row, uniform(seed + 1, index))
    volumes = _volumes(int(row[VOLUME]), uniform(seed + 2, index))
    sides = np.where(uniform(seed + 3, index) < 0.5, "b", "s")
    return [
        Trade(*values)
        for values in zip(
            index.tolist(), times.tolist(), prices.tolist(), volumes.tolist(), sides.tolist(), strict=True
        )
    ]


def candle_of(open_ms: int, trades: list[Trade]) -> Ints:
    """The candle that these trades of one minute build, as a row."""
    prices = [trade.price for trade in trades]
    volume = sum(trade.volume for trade in trades)
    return np.array([open_ms, prices[0], max(prices), min(prices), prices[-1], volume, len(trades)], dtype=np.int64)
