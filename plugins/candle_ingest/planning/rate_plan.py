"""Choose the rate markets that a run fetches in addition to the markets of its symbols."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from candle_ingest.candles.rates import rate_exchanges
from candle_ingest.candles.symbol import parse_symbol
from candle_ingest.connections import RedisClient
from candle_ingest.ledger.pinned_markets import PinnedMarkets
from candle_ingest.ledger.rate_pairs import needed_rate_pairs
from candle_ingest.planning.listings import Listings, find_listings
from candle_ingest.planning.market_choice import MarketChoice, choose_markets
from candle_ingest.settings import PipelineSettings


@dataclass(frozen=True, slots=True)
class RatePlan:
    """The rate pairs that are needed, the market chosen for each by exchange, and what the exchanges list."""

    pairs: tuple[str, ...] = ()
    choices: dict[str, MarketChoice] = field(default_factory=dict)
    listings: Listings = field(default_factory=Listings)


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
    # A rate must come from its own market: USDT/USDC must not replace USDT/USD.
    own = settings.model_copy(update={"exchanges": tuple(exchanges), "quote_equivalents": {}})
    listings = find_listings(own, [parse_symbol(pair) for pair in pairs], client, read_only=read_only)
    choices = {}
    for exchange, candidates in listings.candidates.items():
        wanted = [pair for pair in pairs if exchange in rate_exchanges(pair)]
        pinned = pins.of(exchange, wanted) if pins else {}
        choices[exchange] = choose_markets(exchange, wanted, candidates, pinned)
    return RatePlan(pairs, choices, listings)
