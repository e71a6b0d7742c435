"""Kraken's trades as they come: rows of price, amount, time in seconds, side, order type, text, id.

Source: Kraken REST API, "Get Recent Trades".
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from candle_ingest.candles.trades import Trade
from candle_ingest.exchanges.answers import TradesAnswer

PRICE, AMOUNT, TIME_SECONDS, TRADE_ID = 0, 1, 2, 6


def parse_trades(rows: Sequence[Sequence[Any]], last: Any, made_ms: int | None) -> TradesAnswer:
    """Return the trades in order of time. Raises ValueError and the like for rows of another shape.

    The next page begins one nanosecond before `last`, the time of the last trade: another trade of the same time
    is not passed over, and one that comes twice counts once.
    """
    trades = sorted(map(parse_trade, rows), key=lambda trade: (trade.time_ms, trade.trade_id))
    return TradesAnswer(trades, int(last) - 1, made_ms)


def parse_trade(row: Sequence[Any]) -> Trade:
    """Return one trade. Raises ValueError and the like where its values cannot be."""
    price, amount = Decimal(str(row[PRICE])), Decimal(str(row[AMOUNT]))
    if not (price.is_finite() and amount.is_finite() and price > 0 and amount > 0):
        raise ValueError(f"price {price}, amount {amount}")
    return Trade(int(row[TRADE_ID]), float(row[TIME_SECONDS]) * 1000, price, amount)
