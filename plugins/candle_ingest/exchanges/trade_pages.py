"""Old candles of kraken, which serves its last 720 candles only but every trade.

Source: Kraken REST API, "Get Recent Trades": at most 1000 trades after `since`, a time in nanoseconds;
`last` in the answer is the `since` of the next page.
"""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from candle_ingest.candles.candles import Candles
from candle_ingest.candles.timeframe import Timeframe
from candle_ingest.candles.trades import Trade, candles_from_trades
from candle_ingest.candles.window import NS_PER_MS, Window
from candle_ingest.exchanges.client import ExchangeClient, Market
from candle_ingest.exchanges.error_mapping import ExchangeTemporaryError

PRICE, AMOUNT, TIME_SECONDS, TRADE_ID = 0, 1, 2, 6


def trade_pages(
    exchange: ExchangeClient, market: Market, window: Window, timeframe: Timeframe
) -> Iterator[tuple[Window, Candles]]:
    """Candles of the window, a part at a time, as soon as the trades have gone past it.

    The last part may end after the window: an answer holds trades beyond it, and they need not be asked again.
    """
    cursor_ns = window.start_ms * NS_PER_MS - 1
    waiting: dict[int, Trade] = {}
    while window:
        trades, next_ns = _ask(exchange, market, cursor_ns, window)
        # Only an answer without a new trade says that there are no more: a short one may just be short.
        exhausted = all(trade.trade_id in waiting for trade in trades)
        waiting |= {trade.trade_id: trade for trade in trades}
        reached_ms = window.end_ms if exhausted else timeframe.floor_ms(int(trades[-1].time_ms))
        part = Window(window.start_ms, max(window.start_ms, reached_ms))
        if part:
            yield part, candles_from_trades(waiting.values(), part, timeframe)
        # The last trade is kept to the next answer, which begins with it.
        waiting = {trade.trade_id: trade for trade in waiting.values() if trade.time_ms >= part.end_ms}
        window = Window(part.end_ms, max(part.end_ms, window.end_ms))
        if window and next_ns <= cursor_ns:
            raise ExchangeTemporaryError(f"{exchange.exchange}, {market['symbol']} trades: stuck at {cursor_ns}")
        cursor_ns = next_ns


def first_trade_ms(exchange: ExchangeClient, market: Market) -> int | None:
    """When the first trade of the market happened; None where there is none."""
    asked = f"the first trade of {market['symbol']}"
    request = {"pair": market["id"], "since": "0", "count": 1}

    def ask() -> int | None:
        answer = exchange.api.publicGetTrades(request)
        exchange.answer_is_rows(asked)
        trades = [_trade(row) for row in answer["result"][market["id"]]]
        return int(trades[0].time_ms) if trades else None

    return exchange.request(asked, ask)


def _ask(exchange: ExchangeClient, market: Market, cursor_ns: int, window: Window) -> tuple[list[Trade], int]:
    """At most 1000 trades after the cursor in order of time, and the next cursor."""
    asked = f"{market['symbol']} trades of {window}"
    request = {"pair": market["id"], "since": str(cursor_ns), "count": exchange.facts.trades_per_request}

    def ask() -> tuple[list[Trade], int]:
        answer = exchange.api.publicGetTrades(request)
        exchange.answer_is_rows(asked)
        exchange.answer_covers(asked, window.end_ms)
        trades = [_trade(row) for row in answer["result"][market["id"]]]
        # One nanosecond back: a trade with the same time as the last one is not passed over, and a trade
        # that comes twice counts once, by its id.
        return sorted(trades, key=lambda trade: (trade.time_ms, trade.trade_id)), int(answer["result"]["last"]) - 1

    return exchange.request(asked, ask)


def _trade(row: list[Any]) -> Trade:
    price, amount = Decimal(str(row[PRICE])), Decimal(str(row[AMOUNT]))
    if not (price.is_finite() and amount.is_finite() and price > 0 and amount > 0):
        raise ValueError(f"price {price}, amount {amount}")
    return Trade(int(row[TRADE_ID]), float(row[TIME_SECONDS]) * 1000, price, amount)
