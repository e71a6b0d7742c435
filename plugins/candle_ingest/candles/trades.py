"""Candles built from trades, for exchanges that serve old trades but no old candles."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from candle_ingest.candles.candles import Candles
from candle_ingest.candles.timeframe import Timeframe
from candle_ingest.candles.window import Window


@dataclass(frozen=True, slots=True)
class Trade:
    """One trade: `amount` in base units; price and amount are exact, as the exchange wrote them."""

    trade_id: int
    time_ms: float
    price: Decimal
    amount: Decimal


def candles_from_trades(trades: Iterable[Trade], window: Window, timeframe: Timeframe) -> Candles:
    """A candle for every bar of the window that has trades; trades in the order in which they happened.

    Each trade counts once, by its id. Volumes are added exactly, so that the sum equals the exchange's.
    """
    bars: dict[int, list[Trade]] = {}
    seen: set[int] = set()
    for trade in trades:
        if trade.trade_id not in seen and window.start_ms <= trade.time_ms < window.end_ms:
            seen.add(trade.trade_id)
            bars.setdefault(timeframe.floor_ms(int(trade.time_ms)), []).append(trade)
    return Candles.from_rows([_candle(time, bars[time]) for time in sorted(bars)])


def _candle(open_time_ms: int, trades: list[Trade]) -> tuple[float, ...]:
    prices = [trade.price for trade in trades]
    volume = sum((trade.amount for trade in trades), Decimal(0))
    return (open_time_ms, *map(float, (prices[0], max(prices), min(prices), prices[-1], volume)))
