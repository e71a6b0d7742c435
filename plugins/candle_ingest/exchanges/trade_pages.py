"""Old candles of kraken, which serves its last 720 candles only but every trade.

Source: Kraken REST API, "Get Recent Trades": at most 1000 trades after `since`, a time in nanoseconds;
`last` in the answer is the `since` of the next page.
"""

from collections.abc import Iterator

from candle_ingest.candles.candles import Candles
from candle_ingest.candles.timeframe import Timeframe
from candle_ingest.candles.trades import Trade, candles_from_trades
from candle_ingest.candles.window import NS_PER_MS, Window
from candle_ingest.exchanges.answers import Market, TradesAnswer
from candle_ingest.exchanges.client import ExchangeClient
from candle_ingest.exchanges.error_mapping import ExchangeTemporaryError
from candle_ingest.exchanges.page_checks import check_made_after


def trade_pages(
    exchange: ExchangeClient, market: Market, window: Window, timeframe: Timeframe
) -> Iterator[tuple[Window, Candles]]:
    """Candles of the window, a part at a time, as soon as the trades have gone past it.

    The last part may end after the window: an answer holds trades beyond it, and they need not be asked again.
    """
    cursor_ns = window.start_ms * NS_PER_MS - 1
    waiting: dict[int, Trade] = {}
    while window:
        answer = _ask(exchange, market, cursor_ns, window)
        trades, next_ns = answer.trades, answer.next_since_ns
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
    """Return when the first trade of the market happened; None where there is none."""
    return exchange.fetch_trades(market, 0, 1, lambda answer: int(answer.trades[0].time_ms) if answer.trades else None)


def _ask(exchange: ExchangeClient, market: Market, cursor_ns: int, window: Window) -> TradesAnswer:
    """Return at most 1000 trades after the cursor."""
    asked = f"{exchange.exchange}, {market['symbol']} trades of {window}"

    def check(answer: TradesAnswer) -> TradesAnswer:
        check_made_after(answer.made_ms, asked, window.end_ms)
        return answer

    return exchange.fetch_trades(market, cursor_ns, exchange.facts.trades_per_request or 1, check)
