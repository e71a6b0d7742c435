"""Build old candles of kraken, which serves only its last 720 candles, but every trade.

Source: Kraken REST API, "Get Recent Trades": at most 1000 trades after `since`, a time in nanoseconds;
`last` in the answer is the `since` of the next page.
"""

from collections import Counter
from collections.abc import Iterator, Sequence

from candle_ingest.candles.candles import Candles
from candle_ingest.candles.timeframe import Timeframe
from candle_ingest.candles.trades import Trade, candles_from_trades
from candle_ingest.candles.window import NS_PER_MS, Window
from candle_ingest.exchanges.answers import Market, TradesAnswer
from candle_ingest.exchanges.client import ExchangeClient
from candle_ingest.exchanges.error_mapping import ExchangeTemporaryError, UnconfirmedAnswerError
from candle_ingest.exchanges.page_checks import check_made_after


def trade_pages(
    exchange: ExchangeClient, market: Market, window: Window, timeframe: Timeframe
) -> Iterator[tuple[Window, Candles]]:
    """Yield the candles of the window part by part, as soon as the trades have passed each part.

    The last part may end after the window: a response holds later trades too, which need not be requested again. Raises
    ExchangeTemporaryError if a response brings nothing new but does not say that there is no more.
    """
    cursor_ns = window.start_ms * NS_PER_MS - 1
    waiting: Counter[Trade] = Counter()
    while window:
        answer = _ask(exchange, market, cursor_ns, window, waiting)
        waiting = _joined(waiting, answer.trades)
        moved = answer.next_since_ns > cursor_ns
        reached_ms = timeframe.floor_ms(int(answer.trades[-1].time_ms)) if moved else window.end_ms
        part = Window(window.start_ms, max(window.start_ms, reached_ms))
        if part:
            yield part, candles_from_trades(_in_order(waiting), part, timeframe)
        # Trades of the bar in which the response ends wait for the next one, which begins with the last of them.
        waiting = Counter({trade: count for trade, count in waiting.items() if trade.time_ms >= part.end_ms})
        window = Window(part.end_ms, max(part.end_ms, window.end_ms))
        cursor_ns = answer.next_since_ns


def _joined(waiting: Counter[Trade], trades: Sequence[Trade]) -> Counter[Trade]:
    """Return the trades of two responses, of which the second begins with some that end the first.

    A trade is identified by all its values. Equal ones within one response are separate trades; those that both hold
    are the same, so the larger count is right.
    """
    return waiting | Counter(trades)


def _in_order(trades: Counter[Trade]) -> list[Trade]:
    """Return the trades by time; those at the same time keep the order of the responses."""
    return sorted(trades.elements(), key=lambda trade: trade.time_ms)


def first_trade_ms(exchange: ExchangeClient, market: Market) -> int | None:
    """Return the time of the market's first trade, in ms; None if there is none."""
    return exchange.fetch_trades(market, 0, 1, lambda answer: int(answer.trades[0].time_ms) if answer.trades else None)


def _ask(
    exchange: ExchangeClient, market: Market, cursor_ns: int, window: Window, waiting: Counter[Trade]
) -> TradesAnswer:
    """Return at most 1000 trades after the cursor. If the cursor of the response is the same, no more trades follow."""
    most = exchange.profile.trades_per_request or 1
    request = f"{exchange.exchange}, {market['symbol']} trades of {window}"
    was_empty = False

    def check(answer: TradesAnswer) -> TradesAnswer:
        nonlocal was_empty
        check_made_after(answer.made_ms, request, window.end_ms)
        moved, has_new = answer.next_since_ns > cursor_ns, bool(Counter(answer.trades) - waiting)
        if moved and not has_new:
            raise ExchangeTemporaryError(f"{request}: nothing new, and the answer says that there is more")
        if len(answer.trades) >= most and not moved:
            raise ExchangeTemporaryError(f"{request}: {most} trades at one time, which the cursor cannot pass")
        if not (answer.trades or was_empty):
            was_empty = True
            raise UnconfirmedAnswerError(f"{request}: the answer is empty")
        return answer

    return exchange.fetch_trades(market, cursor_ns, most, check)
