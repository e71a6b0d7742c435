"""Choose the rate markets that a run asks for, in addition to the markets of its symbols."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from candle_ingest.candles.rates import rate_exchanges, rate_pairs
from candle_ingest.candles.symbol import parse_symbol
from candle_ingest.connections import RedisClient
from candle_ingest.ledger.pinned_markets import PinnedMarkets
from candle_ingest.planning.listings import Listings, find_listings
from candle_ingest.planning.market_choice import MarketChoice, choose_markets
from candle_ingest.settings import PipelineSettings


@dataclass(frozen=True, slots=True)
class RatePlan:
    """The rate pairs that are needed, the market chosen for each by exchange, and what the exchanges list."""

    pairs: tuple[str, ...] = ()
    choices: dict[str, MarketChoice] = field(default_factory=dict)
    listings: Listings = field(default_factory=Listings)


def needed_rate_pairs(settings: PipelineSettings, markets: Iterable[tuple[str, str]]) -> tuple[str, ...]:
    """Return the rate pairs needed for (pair, market) such as (`BTC/USD`, `BTC/USDT`); none at par."""
    if settings.quote_conversion == "par":
        return ()
    legs = {(market.rpartition("/")[2], pair.rpartition("/")[2]) for pair, market in markets}
    return tuple(sorted({rate_pair for leg, quote in legs for rate_pair in rate_pairs(leg, quote)}))


def possible_rate_pairs(settings: PipelineSettings) -> frozenset[str]:
    """Return every rate pair that the settings may need, whatever the exchanges list."""
    equivalents = settings.quote_equivalents.items()
    legs = {(leg, quote) for quote, names in equivalents for leg in names if leg != quote}
    return frozenset(rate_pair for leg, quote in legs for rate_pair in rate_pairs(leg, quote))


def plan_rates(
    settings: PipelineSettings,
    markets: Mapping[str, Mapping[str, str]],
    pins: PinnedMarkets | None,
    client: RedisClient | None,
    *,
    read_only: bool,
) -> RatePlan:
    """Return the rate markets needed for the given markets, by exchange. Raises as `find_listings` does.

    Without `pins`, no series has begun yet.
    """
    pairs = needed_rate_pairs(settings, (item for own in markets.values() for item in own.items()))
    exchanges = sorted({exchange for pair in pairs for exchange in rate_exchanges(pair)})
    if not pairs:
        return RatePlan()
    # A rate must come from its own market: USDT/USDC must not stand in for USDT/USD.
    own = settings.model_copy(update={"exchanges": tuple(exchanges), "quote_equivalents": {}})
    listings = find_listings(own, [parse_symbol(pair) for pair in pairs], client, read_only=read_only)
    choices = {}
    for exchange, candidates in listings.candidates.items():
        wanted = [pair for pair in pairs if exchange in rate_exchanges(pair)]
        pinned = pins.of(exchange, wanted) if pins else {}
        choices[exchange] = choose_markets(exchange, wanted, candidates, pinned)
    return RatePlan(pairs, choices, listings)
