"""Choose the market for each pair on one exchange. A series keeps the market that it was built from."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from candle_ingest.exchanges.answers import Market


@dataclass(frozen=True, slots=True)
class MarketChoice:
    """The market to request for each pair, or why there is none.

    `vanished` pairs had candles, `not_listed` ones never did. `notes` are sentences for the log, about a halted market
    that is still requested or a better quote that is not used.
    """

    markets: dict[str, Market] = field(default_factory=dict)
    vanished: dict[str, str] = field(default_factory=dict)
    not_listed: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def choose_markets(
    exchange: str,
    pairs: Iterable[str],
    candidates: Mapping[str, Sequence[Market]],
    pinned: Mapping[str, str],
) -> MarketChoice:
    """Choose a market for each pair from its `candidates`, best quote first; `pinned` has those of existing series."""
    choice = MarketChoice()
    for pair in pairs:
        markets = candidates.get(pair, ())
        if pair in pinned:
            _keep(choice, exchange, pair, pinned[pair], markets)
        elif active := _active(markets):
            choice.markets[pair] = active[0]
        else:
            choice.not_listed[pair] = _not_listed(exchange, pair, markets)
    return choice


def _active(markets: Sequence[Market]) -> list[Market]:
    return [market for market in markets if market["active"]]


def _keep(choice: MarketChoice, exchange: str, pair: str, symbol: str, markets: Sequence[Market]) -> None:
    """Choose the market that the pair's series was built from, and note if another one would be better."""
    active = _active(markets)
    kept = next((market for market in markets if market["symbol"] == symbol), None)
    others = ", ".join(market["symbol"] for market in active if market["symbol"] != symbol)
    if kept is None:
        choice.vanished[pair] = _vanished(exchange, symbol, others)
        return
    choice.markets[pair] = kept
    if not kept["active"]:
        choice.notes.append(f"{exchange}: trading in {symbol} is halted; its candles are still requested")
    elif active and active[0]["symbol"] != symbol:
        choice.notes.append(
            f"{exchange}: {pair} keeps {symbol}, the market of its candles so far, although {others} is listed"
        )


def _not_listed(exchange: str, pair: str, halted: Sequence[Market]) -> str:
    names = ", ".join(market["symbol"] for market in halted)
    return f"{exchange} does not list {pair}" + (f" for trading ({names} is halted)" if names else "")


def _vanished(exchange: str, market: str, others: str) -> str:
    instead = f"; {others} is another market: set quote_equivalents, or use a new bucket" if others else ""
    return f"{exchange} no longer lists {market}, the market of the candles so far{instead}"
