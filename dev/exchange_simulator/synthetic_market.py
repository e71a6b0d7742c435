"""What is true in the synthetic market: the rows that a correct client must have stored."""

from dev.exchange_simulator.candle_book import CandleBook
from dev.exchange_simulator.hashing import Ints
from dev.exchange_simulator.markets import Market, find_market
from dev.exchange_simulator.timeframes import duration_ms

Row = tuple[int, float, float, float, float, float]
_BOOK = CandleBook()


def as_rows(market: Market, candles: Ints) -> list[Row]:
    """Open time in ms, open, high, low, close in quote units, volume in base units.

    Whole numbers below 2^53 over a power of ten give the float nearest to the decimal, which is
    also what parsing its text gives.
    """
    price, volume = 10.0**market.price_decimals, 10.0**market.volume_decimals
    columns = (
        candles[:, 0].tolist(),
        *(column.tolist() for column in (candles[:, 1:5] / price).T),
        (candles[:, 5] / volume).tolist(),
    )
    return list(zip(*columns, strict=True))


def true_candles(exchange: str, symbol: str, start_ms: int, end_ms: int, timeframe: str = "1m") -> list[Row]:
    """The finished candles with start ≤ open time < end that the exchange has, ascending.

    Flat rows with volume 0 where the exchange shows quiet minutes so, none where it leaves them out
    (coinbaseexchange, coinbase, kucoin), none in outages of binance and binanceus. `symbol` is unified, such
    as BTC/USDT; KeyError when the exchange does not list it. All of the range counts as past, whatever the
    clock says.
    """
    market = find_market(exchange, symbol)
    after_ms = end_ms + 2 * duration_ms(timeframe)
    return as_rows(market, _BOOK.between(market, timeframe, start_ms, end_ms, after_ms))
