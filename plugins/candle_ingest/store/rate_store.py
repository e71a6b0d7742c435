"""Compute rates from the stored candles of the rate markets."""

from collections.abc import Iterable
from dataclasses import replace

from candle_ingest.candles.candles import Candles
from candle_ingest.candles.merge import Conversion
from candle_ingest.candles.rates import RateSeries, leg_rate, lookback, rate_exchanges, rate_pairs
from candle_ingest.candles.window import Window
from candle_ingest.store.bucket import InfluxBucket
from candle_ingest.store.candle_store import CandleStore


class RateStore:
    """Computes the rates of one bucket."""

    def __init__(self, bucket: InfluxBucket) -> None:
        self._store = CandleStore(bucket)

    def rate(self, leg: str, quote: str, window: Window) -> RateSeries:
        """Return the rate of `leg` in units of `quote` for each minute of the window."""
        return leg_rate(leg, quote, self.candles(leg, quote, window), window)

    def candles(self, leg: str, quote: str, window: Window) -> dict[str, dict[str, Candles]]:
        """Return the candles that give this rate, by rate pair and exchange."""
        return {
            pair: self._store.read_exchange_candles(pair, rate_exchanges(pair), lookback(window))
            for pair in rate_pairs(leg, quote)
        }

    def conversion(self, currency_pair: str, markets: Iterable[tuple[str, str]], window: Window) -> Conversion:
        """Return the conversion of a pair, given its exchanges and the market (`BTC/USDT`) of each."""
        found = legs_of(currency_pair, markets)
        rates = {leg: self.rate(leg, found.quote, window) for leg in set(found.legs.values())}
        return replace(found, rates=rates)


def legs_of(currency_pair: str, markets: Iterable[tuple[str, str]]) -> Conversion:
    """Return which exchanges have another quote than the pair, without rates."""
    quote = quote_of(currency_pair)
    return Conversion(quote, {exchange: leg for exchange, market in markets if (leg := quote_of(market)) != quote}, {})


def quote_of(market: str) -> str:
    """Return the quote of a market, such as USDT for BTC/USDT."""
    return market.rpartition("/")[2]
