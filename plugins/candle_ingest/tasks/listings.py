"""Which exchange lists which symbol, and by which market."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from candle_ingest.adapters.ccxt_exchange import CcxtExchange, Market
from candle_ingest.adapters.connections import RedisClient, exchange_connection
from candle_ingest.adapters.market_cache import MarketCache
from candle_ingest.core.exchange_facts import canonical_exchange
from candle_ingest.core.symbol import Symbol
from candle_ingest.core.timeframe import timeframe_name
from candle_ingest.errors import CandleIngestError, ConfigurationError
from candle_ingest.settings import PipelineSettings

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Listings:
    """The markets of each exchange by currency pair, and why some exchanges could not be asked."""

    markets: dict[str, dict[str, Market]] = field(default_factory=dict)
    unreachable: dict[str, str] = field(default_factory=dict)

    def exchanges_of(self, currency_pair: str) -> dict[str, Market]:
        """The exchanges that list the pair, with the market that stands for it."""
        return {name: found[currency_pair] for name, found in self.markets.items() if currency_pair in found}


def equivalent_markets(symbol: Symbol, quote_equivalents: Mapping[str, Sequence[str]]) -> list[str]:
    """The markets that may stand for a symbol, the best first: BTC/USD, BTC/USDT, BTC/USDC."""
    return [f"{symbol.base}/{quote}" for quote in quote_equivalents.get(symbol.quote, (symbol.quote,))]


def find_listings(
    settings: PipelineSettings, symbols: Sequence[Symbol], client: RedisClient, *, read_only: bool
) -> Listings:
    """Ask each exchange, or the cache, for the markets of the symbols.

    An exchange that cannot be reached counts as not listing, with a warning. Raises ConfigurationError
    where one does not exist, or has no candles of the granularity.
    """
    listings = Listings()
    cache = MarketCache(client, read_only=read_only)
    for name in settings.exchanges:
        exchange = canonical_exchange(name)
        if exchange != name:
            logger.info("%s is called %s in ccxt now", name, exchange)
        try:
            listings.markets[exchange] = _listed(settings, exchange, symbols, cache, None if read_only else client)
        except ConfigurationError:
            raise
        except CandleIngestError as error:
            logger.warning("%s counts as listing nothing: it cannot be reached: %s", exchange, error)
            listings.unreachable[exchange] = str(error)
    return listings


def _listed(
    settings: PipelineSettings,
    exchange: str,
    symbols: Sequence[Symbol],
    cache: MarketCache,
    limiter: RedisClient | None,
) -> dict[str, Market]:
    connection = exchange_connection(exchange)
    api = CcxtExchange(connection, delay_seconds=settings.api_call_delay_seconds, redis_client=limiter)
    _say_if_built(
        exchange, settings.candle_granularity_minutes, api.source_minutes(settings.candle_granularity_minutes)
    )
    wanted = {symbol: equivalent_markets(symbol, settings.quote_equivalents) for symbol in symbols}
    names = {name for equivalents in wanted.values() for name in equivalents}
    found = cache.markets(connection, names, api.spot_markets)
    first = {symbol: next((found[name] for name in names if name in found), None) for symbol, names in wanted.items()}
    return {symbol.currency_pair: market for symbol, market in first.items() if market is not None}


def _say_if_built(exchange: str, granularity_minutes: int, source_minutes: int) -> None:
    if source_minutes != granularity_minutes:
        logger.info(
            "%s has no %s candles: they are built from its %s candles",
            exchange, timeframe_name(granularity_minutes), timeframe_name(source_minutes),
        )  # fmt: skip
