"""Name symbols that no simulated exchange lists before anything is started."""

from __future__ import annotations

from collections.abc import Iterator

from candle_ingest.candles.symbol import Symbol, parse_symbol
from candle_ingest.errors.symbols import SymbolUnlistedError
from candle_ingest.near_names import listed_by_none
from candle_ingest.settings import PipelineSettings
from dev.exchange_simulator.markets import list_markets
from dev.local_stack.options import StackOptions


def unlisted_symbols(options: StackOptions, settings: PipelineSettings) -> list[str]:
    """Return one sentence for each symbol that no simulated exchange lists; empty on the live market.

    The list of a Redis that the user provides is not checked. Raises SymbolUnlistedError if no symbol is listed.
    """
    if not options.is_simulated or (options.redis is not None and not options.symbols_given):
        return []
    symbols = [parse_symbol(ticker) for ticker in options.symbols]
    sentences = [sentence for symbol in symbols if (sentence := _unlisted(symbol, settings))]
    if len(sentences) == len(symbols):
        raise SymbolUnlistedError("; ".join(sentences))
    return sentences


def _unlisted(symbol: Symbol, settings: PipelineSettings) -> str:
    """Return a sentence with similar pairs; empty if the symbol is listed."""
    pair, known = symbol.currency_pair, set(_pairs(symbol.quote, settings))
    return "" if pair in known else listed_by_none(pair, settings.exchange_ids, known)


def _pairs(quote: str, settings: PipelineSettings) -> Iterator[str]:
    """Yield the pairs of the exchanges, in `quote` where a market in another quote is converted to it."""
    converted = {quote, *settings.quote_equivalents.get(quote, ())}
    for exchange in settings.exchange_ids:
        for market in list_markets(exchange):
            yield f"{market.base}/{quote if market.quote in converted else market.quote}"
