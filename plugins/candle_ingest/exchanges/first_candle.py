"""Since when an exchange has candles of a market."""

from candle_ingest.candles.window import DAY_MS, Window, floor_ms, split_rows
from candle_ingest.exchanges.candle_pages import candle_rows
from candle_ingest.exchanges.client import ExchangeClient, Market
from candle_ingest.exchanges.trade_pages import first_trade_ms

DAY_MINUTES = 1440
# Days that are asked for before the moment in question.
DAYS_BEFORE = 30


def first_candle_ms(exchange: ExchangeClient, market: Market, near_ms: int, now_ms: int) -> int | None:
    """The open time of the first daily candle from thirty days before `near_ms` on; None where there is none.

    Where an exchange serves trades the time of the first one ever. One call, or a few where one answer holds
    less than the days up to now.
    """
    exchange.use_market(market)
    if exchange.facts.trades_per_request is not None:
        return first_trade_ms(exchange, market)
    days = Window(max(0, floor_ms(near_ms, DAY_MS) - DAYS_BEFORE * DAY_MS), floor_ms(now_ms, DAY_MS) + DAY_MS)
    for part in split_rows(days, DAY_MS, exchange.facts.rows_per_request):
        rows = candle_rows(exchange, market, DAY_MINUTES, part)
        if rows:
            return min(int(row[0]) for row in rows)
    return None
