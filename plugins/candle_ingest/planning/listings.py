"""Find which exchange lists which symbol, and as which market."""

import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from candle_ingest.candles.symbol import Symbol
from candle_ingest.candles.timeframe import Timeframe
from candle_ingest.connections import RedisClient, exchange_connection
from candle_ingest.errors import CandleIngestError, ConfigurationError
from candle_ingest.exchanges.answers import Market
from candle_ingest.exchanges.client import ExchangeClient
from candle_ingest.exchanges.market_cache import MarketCache
from candle_ingest.plurals import counted
from candle_ingest.settings import PipelineSettings

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Listings:
    """The markets of each exchange by currency pair, the client of each exchange, and why some are unreachable.

    `candidates` has the markets that may be used for a pair, best quote first, including halted ones. `markets` has the
    one that is used, unless a series was already built from another.
    """

    markets: dict[str, dict[str, Market]] = field(default_factory=dict)
    candidates: dict[str, dict[str, list[Market]]] = field(default_factory=dict)
    unreachable: dict[str, str] = field(default_factory=dict)
    clients: dict[str, ExchangeClient] = field(default_factory=dict)

    def exchanges_of(self, currency_pair: str) -> dict[str, Market]:
        """Return the exchanges that list the pair, each with the market used for it."""
        return {name: found[currency_pair] for name, found in self.markets.items() if currency_pair in found}

    def combined_with(self, others: "Listings") -> "Listings":
        """Return the union of both listings; they may share exchanges, but no pairs."""

        def both(own: Mapping[str, dict[str, Any]], more: Mapping[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
            return {name: {**more.get(name, {}), **own.get(name, {})} for name in {**own, **more}}

        return Listings(
            both(self.markets, others.markets),
            both(self.candidates, others.candidates),
            {**others.unreachable, **self.unreachable},
            {**others.clients, **self.clients},
        )


def needed_listings(settings: PipelineSettings) -> int:
    """Return how many exchanges must list a symbol for it to be fetched; 0 in the settings means all that list it."""
    return settings.min_exchanges_required or 1


def is_fetched(listed: Collection[str], possible_count: int, minimum: int) -> bool:
    """Tell whether a pair is fetched: some exchange lists it, and enough do so together with those that may list it."""
    return bool(listed) and len(listed) + possible_count >= minimum


def shortage(exchanges: Sequence[str], minimum: int) -> str:
    """Return a phrase that says on how few exchanges a pair is listed."""
    if not exchanges:
        return "no exchange lists it"
    return f"listed on {len(exchanges)} of the {counted(minimum, 'exchange')} it needs ({', '.join(exchanges)})"


def equivalent_markets(symbol: Symbol, quote_equivalents: Mapping[str, Sequence[str]]) -> list[str]:
    """Return the markets that may be used for a symbol, best first: BTC/USD, BTC/USDT, BTC/USDC."""
    return [f"{symbol.base}/{quote}" for quote in quote_equivalents.get(symbol.quote, (symbol.quote,))]


def find_listings(
    settings: PipelineSettings, symbols: Sequence[Symbol], client: RedisClient | None, *, read_only: bool
) -> Listings:
    """Look up the symbols' markets on each exchange or in the cache.

    An exchange that cannot be reached is added to `unreachable`, with a warning. Raises ConfigurationError if an
    exchange does not exist or has no candles of the granularity.
    """
    listings = Listings()
    cache = MarketCache(client, read_only=read_only) if client is not None else None
    for name, exchange in zip(settings.exchanges, settings.exchange_ids, strict=True):
        if exchange != name:
            logger.info("%s is called %s in ccxt now", name, exchange)
        api = _opened(settings, exchange, None if read_only else client)
        listings.clients[exchange] = api
        try:
            _add_markets(listings, settings, api, symbols, cache)
        except ConfigurationError:
            raise
        except CandleIngestError as error:
            logger.warning("%s: its list of markets could not be fetched: %s", exchange, error)
            listings.unreachable[exchange] = str(error)
    return listings


def _opened(settings: PipelineSettings, exchange: str, limiter: RedisClient | None) -> ExchangeClient:
    connection = exchange_connection(exchange)
    api = ExchangeClient(connection, delay_seconds=settings.api_call_delay_seconds, redis_client=limiter)
    _log_if_built(exchange, settings.timeframe, api.source_of(settings.timeframe))
    return api


def _add_markets(
    listings: Listings,
    settings: PipelineSettings,
    api: ExchangeClient,
    symbols: Sequence[Symbol],
    cache: MarketCache | None,
) -> None:
    wanted = {symbol.currency_pair: equivalent_markets(symbol, settings.quote_equivalents) for symbol in symbols}
    names = {name for equivalents in wanted.values() for name in equivalents}
    if cache is None:
        found = {market["symbol"]: market for market in api.fetch_markets() if market["symbol"] in names}
    else:
        found = cache.markets(api.connection, names, api.fetch_markets)
    listed = {pair: [found[name] for name in equivalents if name in found] for pair, equivalents in wanted.items()}
    traded = {pair: [market for market in markets if market["active"]] for pair, markets in listed.items()}
    listings.candidates[api.exchange] = {pair: markets for pair, markets in listed.items() if markets}
    listings.markets[api.exchange] = {pair: markets[0] for pair, markets in traded.items() if markets}


def _log_if_built(exchange: str, timeframe: Timeframe, source: Timeframe) -> None:
    if source != timeframe:
        logger.info(
            "%s has no %s candles: they are built from its %s candles",
            exchange, timeframe, source,
        )  # fmt: skip
