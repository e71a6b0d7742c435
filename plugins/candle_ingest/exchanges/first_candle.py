"""Find since when an exchange has candles of a market."""

from candle_ingest.candles.timeframe import Timeframe
from candle_ingest.candles.window import DAY_MS, Window, floor_ms, split_rows
from candle_ingest.exchanges.answers import Market, RowsAnswer
from candle_ingest.exchanges.client import ExchangeClient
from candle_ingest.exchanges.trade_pages import first_trade_ms

DAILY = Timeframe(1440)
# Days to request before the moment in question.
DAYS_BEFORE = 30


def first_candle_ms(exchange: ExchangeClient, market: Market, near_ms: int, now_ms: int) -> int | None:
    """Return the open time of the first daily candle since thirty days before `near_ms`; None if there is none.

    If the exchange serves trades, return the time of the first trade ever. Takes one call, or a few if one response
    does not reach up to now.
    """
    if exchange.profile.trades_per_request is not None:
        return first_trade_ms(exchange, market)
    days = Window(max(0, floor_ms(near_ms, DAY_MS) - DAYS_BEFORE * DAY_MS), floor_ms(now_ms, DAY_MS) + DAY_MS)
    for part in split_rows(days, DAY_MS, exchange.profile.rows_per_request):
        times_ms = exchange.fetch_rows(market, DAILY, part, _open_times_ms)
        if times_ms:
            return min(times_ms)
    return None


def _open_times_ms(answer: RowsAnswer) -> list[int]:
    return [row[0] for row in answer.rows if isinstance(row[0], int)]
