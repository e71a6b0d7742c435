"""Apply events to candle arrays: to the truth, and to what an exchange shows at a given time."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from dev.exchange_simulator.candle_columns import CLOSE, COUNT, LOW, OPEN, OPEN_TIME, VOLUME
from dev.exchange_simulator.hashing import Ints
from dev.exchange_simulator.market_events import MarketEvent
from dev.exchange_simulator.markets import Market

Mask = NDArray[np.bool_]
# The fewest trades that reach both a high and a low beyond open and close.
_CRASH_TRADES = 4


def _scale_prices(rows: Ints, mask: Mask, factor: float) -> None:
    rows[mask, OPEN : CLOSE + 1] = np.maximum(1, np.rint(rows[mask, OPEN : CLOSE + 1] * factor))


def _scale_volumes(rows: Ints, mask: Mask, factor: float) -> None:
    """Multiply volumes by the factor; each trade keeps at least one unit, so that its candle stays traded."""
    rows[mask, VOLUME] = np.maximum(rows[mask, COUNT], np.rint(rows[mask, VOLUME] * factor))


def _depeg(market: Market, event: MarketEvent, rows: Ints, mask: Mask) -> None:
    _scale_prices(rows, mask, event.price_factor if market.base == event.currency else 1 / event.price_factor)


def _crash(event: MarketEvent, rows: Ints, mask: Mask, trading: Mask) -> None:
    """Lower the low, and leave open, high and close; a crash is never quiet."""
    trading |= mask
    rows[mask, COUNT] = np.maximum(rows[mask, COUNT], _CRASH_TRADES)
    rows[mask, LOW] = np.maximum(1, np.rint(rows[mask, LOW] * event.price_factor))
    _scale_volumes(rows, mask, event.volume_factor)


def make_true(market: Market, events: Iterable[MarketEvent], rows: Ints, trading: Mask) -> None:
    """Change rows and the mask of traded minutes in place, before quiet minutes are made flat."""
    for event in events:
        mask = event.applies_to(rows[:, OPEN_TIME], 0)
        if event.kind == "depeg":
            _depeg(market, event, rows, mask)
        elif event.kind == "flash_crash":
            _crash(event, rows, mask, trading)
        elif event.kind == "scaled":
            _scale_prices(rows, mask, event.price_factor)
            _scale_volumes(rows, mask, event.volume_factor)
        elif event.kind == "quiet":
            trading &= ~mask


def shift_open_times(events: Iterable[MarketEvent], rows: Ints) -> Ints:
    """Return rows with the open times that are off the grid."""
    moved = rows
    for event in events:
        if event.kind == "off_grid":
            mask = event.applies_to(rows[:, OPEN_TIME], 0)
            moved = moved.copy()
            moved[mask, OPEN_TIME] += event.shift_ms
    return moved


def shown(events: Iterable[MarketEvent], rows: Ints, now_ms: int) -> Ints:
    """Return the rows and values that the exchange shows at that time."""
    result = rows
    for event in events:
        if event.kind == "hidden":
            result = result[~event.applies_to(result[:, OPEN_TIME], now_ms)]
        elif event.kind == "revised":
            mask = event.applies_to(result[:, OPEN_TIME], now_ms)
            result = result.copy()
            result[mask, CLOSE] = result[mask, LOW]
            result[mask, VOLUME] = np.maximum(result[mask, COUNT], result[mask, VOLUME] // 2)
    return result
