"""Determine which rate pairs a pipeline needs to convert its markets."""

from collections.abc import Iterable

from candle_ingest.candles.rates import rate_pairs
from candle_ingest.settings import PipelineSettings


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
