"""Build candles from trades, for exchanges that serve old trades but no old candles."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from candle_ingest.candles.candles import Candles
from candle_ingest.candles.timeframe import Timeframe
from candle_ingest.candles.window import Window


@dataclass(frozen=True, slots=True)
class Trade:
    """One trade: `amount` in base units; price and amount are exact, as the exchange wrote them.

    `taker_bought`: whether the taker bought; None if the exchange does not say. Two trades are the same if all their
    values are: ids alone repeat (kraken sent 0 for whole days). `remark` is whatever else the row says.
    """

    trade_id: int
    time_ms: float
    price: Decimal
    amount: Decimal
    taker_bought: bool | None = None
    remark: str = ""


def candles_from_trades(trades: Iterable[Trade], window: Window, timeframe: Timeframe) -> Candles:
    """Return a candle for each bar of the window that has trades; the trades must be in chronological order.

    Each trade counts, even equal ones. Volumes are added exactly, so that the sum equals the exchange's; the candles
    have quote volume and trade count too, and taker buy volume if every trade names its taker side.
    """
    bars: dict[int, list[Trade]] = {}
    for trade in trades:
        if window.start_ms <= trade.time_ms < window.end_ms:
            bars.setdefault(timeframe.floor_ms(int(trade.time_ms)), []).append(trade)
    return Candles.from_rows([_candle(time, bars[time]) for time in sorted(bars)])


def _candle(open_time_ms: int, trades: list[Trade]) -> tuple[float, ...]:
    prices = [trade.price for trade in trades]
    volume = sum((trade.amount for trade in trades), Decimal(0))
    ohlcv = (prices[0], max(prices), min(prices), prices[-1], volume)
    quote_volume = sum((trade.price * trade.amount for trade in trades), Decimal(0))
    return (open_time_ms, *map(float, ohlcv), float(quote_volume), len(trades), _taker_buy_volume(trades))


def _taker_buy_volume(trades: list[Trade]) -> float:
    """Return the volume in base units; NaN if a trade does not name its taker side."""
    if any(trade.taker_bought is None for trade in trades):
        return math.nan
    return float(sum((trade.amount for trade in trades if trade.taker_bought), Decimal(0)))
