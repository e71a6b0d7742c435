"""The trades behind minute candles: they add up to exactly those candles, and so to the candle in progress."""

from dataclasses import dataclass, fields
from typing import Self

import numpy as np
from numpy.typing import NDArray

from dev.exchange_simulator.candle_columns import (
    CLOSE,
    COUNT,
    HIGH,
    LOW,
    MARKET_COLUMNS,
    MAX_QUOTE,
    MINUTE_MS,
    OPEN,
    OPEN_TIME,
    QUOTE_DECIMALS,
    VOLUME,
)
from dev.exchange_simulator.hashing import Ints, seed_of, uniform
from dev.exchange_simulator.markets import Market

# Room for the trades of a minute: an id is minute times this plus position, which needs no counting.
IDS_PER_MINUTE = 64
_SPAN_NS = 59_900_000_000
# 414 of 999 adjacent pairs of recorded kraken trades have one timestamp: parts of one order.
_SAME_TIME_SHARE = 0.414
_WEIGHT_STEPS = 2**20


@dataclass(frozen=True, slots=True)
class Trade:
    """One trade: time in ns since 1970, price in ticks, volume in units; `side` is the taker's, b or s."""

    id: int
    time_ns: int
    price: int
    volume: int
    side: str


@dataclass(frozen=True, slots=True)
class TradeColumns:
    """Trades in chronological order; `row` is the index of each trade's candle among the rows."""

    row: Ints
    id: Ints
    time_ns: Ints
    price: Ints
    volume: Ints
    is_buy: NDArray[np.bool_]

    def __getitem__(self, part: "slice | NDArray[np.bool_]") -> Self:
        return type(self)(*(getattr(self, field.name)[part] for field in fields(self)))

    def as_trades(self) -> list[Trade]:
        """Return the trades as objects."""
        columns = (self.id, self.time_ns, self.price, self.volume, np.where(self.is_buy, "b", "s"))
        return [Trade(*values) for values in zip(*(column.tolist() for column in columns), strict=True)]


def _positions(counts: Ints) -> tuple[Ints, Ints, Ints]:
    """Return, for each trade, the index of its row and its index within the row; for each row, its first trade."""
    firsts = np.cumsum(counts) - counts
    row: Ints = np.repeat(np.arange(len(counts), dtype=np.int64), counts)
    position: Ints = np.arange(len(row), dtype=np.int64) - firsts[row]
    return row, position, firsts


def _times_ns(open_ms: Ints, position: Ints, counts: Ints, index: Ints, seed: int) -> Ints:
    """Return ascending times within the minute, on a grid of 100 ns; many are equal to the one before."""
    slots = (position + 0.1 + 0.8 * uniform(seed, index)) / counts
    times: Ints = open_ms * 1_000_000 + (slots * _SPAN_NS).astype(np.int64) // 100 * 100
    own = (position == 0) | (uniform(seed + 4, index) >= _SAME_TIME_SHARE)
    leader = np.maximum.accumulate(np.where(own, np.arange(len(times)), 0))
    return times[leader]


def _prices(rows: Ints, row: Ints, position: Ints, firsts: Ints, index: Ints, seed: int) -> Ints:
    """Return the open first and the close last; from four trades on, high and low too, the others between."""
    draws = uniform(seed + 1, index)
    low, high, counts = rows[row, LOW], rows[row, HIGH], rows[row, COUNT]
    prices: Ints = np.minimum(high, low + (draws * (high - low + 1)).astype(np.int64))
    high_first = draws[firsts[row]] < 0.5
    for place in (1, 2):
        at = (counts >= 4) & (position == place)
        prices[at] = np.where(high_first == (place == 1), high, low)[at]
    at_end = position == counts - 1
    prices[at_end] = rows[row[at_end], CLOSE]
    prices[position == 0] = rows[row[position == 0], OPEN]
    return prices


def _volumes(rows: Ints, row: Ints, firsts: Ints, index: Ints, seed: int) -> Ints:
    """Return parts of the volume, each at least one unit, that add up to exactly the whole."""
    weights = 1 + (uniform(seed + 2, index) * _WEIGHT_STEPS).astype(np.int64)
    sums = np.cumsum(weights)
    before = (sums - weights)[firsts]
    totals = np.add.reduceat(weights, firsts)
    spare = rows[:, VOLUME] - rows[:, COUNT]
    ends = np.floor((sums - before[row]) / totals[row] * spare[row]).astype(np.int64)
    starts = np.concatenate(([0], ends[:-1]))
    starts[firsts] = 0
    parts: Ints = ends - starts + 1
    return parts


def trade_columns(market: Market, rows: Ints) -> TradeColumns:
    """Return the trades of minute candles, ascending as the candles are; none for quiet minutes."""
    traded_at = np.flatnonzero(rows[:, COUNT] > 0)
    if not len(traded_at):
        none: Ints = np.empty(0, dtype=np.int64)
        return TradeColumns(none, none, none, none, none, np.empty(0, dtype=np.bool_))
    rows = rows[traded_at].copy()
    rows[:, COUNT] = np.minimum(rows[:, COUNT], IDS_PER_MINUTE)
    seed = seed_of("trades", market.exchange, market.symbol)
    row, position, firsts = _positions(rows[:, COUNT])
    index = rows[row, OPEN_TIME] // MINUTE_MS * IDS_PER_MINUTE + position
    return TradeColumns(
        row=traded_at[row],
        id=index,
        time_ns=_times_ns(rows[row, OPEN_TIME], position, rows[row, COUNT], index, seed),
        price=_prices(rows, row, position, firsts, index, seed),
        volume=_volumes(rows, row, firsts, index, seed),
        is_buy=uniform(seed + 3, index) < 0.5,
    )


def _quote_amounts(market: Market, trades: TradeColumns) -> NDArray[np.float64]:
    """Return price times volume of each trade, in 10^-8 of the quote."""
    unit = 10.0 ** (QUOTE_DECIMALS - market.price_decimals - market.volume_decimals)
    return (trades.price.astype(np.float64) * trades.volume.astype(np.float64) * unit).astype(np.float64)


def _sums(market: Market, trades: TradeColumns, row: Ints, rows: int) -> list[Ints]:
    """Return quote volume, taker volume and taker quote volume of each row, summed in the order of the trades."""
    amounts = _quote_amounts(market, trades)
    parts = (amounts, trades.volume * trades.is_buy, amounts * trades.is_buy)
    totals = (np.minimum(np.rint(np.bincount(row, part, rows)), MAX_QUOTE) for part in parts)
    return [total.astype(np.int64) for total in totals]


def with_trade_sums(market: Market, rows: Ints) -> Ints:
    """Return market rows as they are served: with the sums over their trades."""
    trades = trade_columns(market, rows)
    sums = _sums(market, trades, trades.row, len(rows))
    served: Ints = np.column_stack((rows[:, :MARKET_COLUMNS], *sums))
    return served


def candle_of(market: Market, open_ms: int, trades: TradeColumns) -> Ints:
    """Return the candle that these trades of one minute build, as a row with all columns; at least one trade."""
    price = trades.price
    sums = _sums(market, trades, np.zeros(len(price), dtype=np.int64), 1)
    values = (open_ms, price[0], price.max(), price.min(), price[-1], trades.volume.sum(), len(price))
    return np.array([*map(int, values), *(int(total[0]) for total in sums)], dtype=np.int64)
