"""Kraken's trades as they come: rows of price, amount, time in seconds, side, order type, text, id.

Source: Kraken REST API, "Get Recent Trades".
"""

import math
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from candle_ingest.candles.trades import Trade
from candle_ingest.exchanges.answers import TradesAnswer

PRICE, AMOUNT, TIME_SECONDS, SIDE, ORDER_TYPE, TEXT, TRADE_ID = range(7)
SIDES = {"b": True, "s": False}


def parse_trades(rows: Sequence[Sequence[Any]], last: Any, made_ms: int | None) -> TradesAnswer:
    """Return the trades in order of time; those at the same time keep the order of the response.

    Raises ValueError and the like for rows of another shape. The next page begins one nanosecond before `last`, the
    time of the last trade, as more trades of the same time may follow (414 of 1,000 adjacent recorded trades share
    theirs).
    """
    return TradesAnswer(sorted(map(parse_trade, rows), key=lambda trade: trade.time_ms), int(last) - 1, made_ms)


def parse_trade(row: Sequence[Any]) -> Trade:
    """Return one trade. Raises ValueError and the like for impossible values."""
    price, amount, seconds = Decimal(str(row[PRICE])), Decimal(str(row[AMOUNT])), float(row[TIME_SECONDS])
    if not (price.is_finite() and amount.is_finite() and price > 0 and amount > 0 and math.isfinite(seconds)):
        raise ValueError(f"price {price}, amount {amount}, time {seconds}")
    side = row[SIDE] if isinstance(row[SIDE], str) else ""
    remark = f"{side} {row[ORDER_TYPE]} {row[TEXT]}"
    return Trade(int(row[TRADE_ID]), seconds * 1000, price, amount, SIDES.get(side), remark)
