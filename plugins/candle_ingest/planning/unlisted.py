"""Refuse pairs that no exchange lists."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from candle_ingest.candles.symbol import Symbol
from candle_ingest.errors.symbols import SymbolUnlistedError
from candle_ingest.near_names import listed_by_none
from candle_ingest.planning.listings import Listings


def check_listed(listings: Listings, symbols: Sequence[Symbol], quote_equivalents: Mapping[str, Sequence[str]]) -> None:
    """Raise SymbolUnlistedError, naming similar pairs, if no exchange lists one of the symbols.

    If an exchange cannot be reached, nothing is refused, because it may list them.
    """
    if listings.unreachable:
        return
    for symbol in symbols:
        pair = symbol.currency_pair
        if not any(pair in found for found in listings.candidates.values()):
            known = set(_listed_pairs(listings, symbol.quote, quote_equivalents))
            raise SymbolUnlistedError(listed_by_none(pair, listings.candidates, known))


def _listed_pairs(listings: Listings, quote: str, quote_equivalents: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """Yield the pairs that the exchanges list, in `quote` where a market in another quote is converted to it."""
    converted = {*quote_equivalents.get(quote, ()), quote}
    markets: Iterator[Mapping[str, Any]] = (m for api in listings.clients.values() for m in api.fetch_markets())
    for market in markets:
        yield f"{market['base']}/{quote if market['quote'] in converted else market['quote']}"
