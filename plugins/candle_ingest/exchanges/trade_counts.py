"""How many trades a market had on each day, in one call: kraken's daily candles say it.

Source: Kraken REST API, "Get OHLC Data": each entry ends in its number of trades; the last 720 days are served.
"""

from candle_ingest.exchanges.client import ExchangeClient, Market

DAY_MINUTES = 1440
TIME_SECONDS, COUNT = 0, 7


def trades_per_day(exchange: ExchangeClient, market: Market) -> dict[int, int]:
    """The number of trades by midnight UTC in ms."""
    exchange.use_market(market)
    asked = f"the days of {market['symbol']}"

    def ask() -> dict[int, int]:
        answer = exchange.api.publicGetOHLC({"pair": market["id"], "interval": DAY_MINUTES})
        exchange.answer_is_rows(asked)
        return {int(row[TIME_SECONDS]) * 1000: int(row[COUNT]) for row in answer["result"][market["id"]]}

    return exchange.request(asked, ask)
