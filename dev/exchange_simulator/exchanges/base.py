"""What the exchanges have in common: paths with a weight, responses, refusals, and candles as text."""

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, ClassVar, NamedTuple

import numpy as np

from dev.exchange_simulator.candle_book import CandleBook
from dev.exchange_simulator.candle_columns import NO_ROWS, OPEN_TIME, QUOTE_DECIMALS
from dev.exchange_simulator.false_facts import false_candles, false_rows
from dev.exchange_simulator.hashing import Ints
from dev.exchange_simulator.markets import Market, list_markets
from dev.exchange_simulator.minute_candles import FLAT_EXCHANGES
from dev.exchange_simulator.mutations import Columns, mutate, mutate_row, wrong_twin
from dev.exchange_simulator.rate_limits import Limiter, Verdict
from dev.exchange_simulator.recorded import RecordedMarket
from dev.exchange_simulator.served_rows import CandleRow, served_rows
from dev.exchange_simulator.timeframes import ceil_open
from dev.exchange_simulator.trades import Trade


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP response: `body` is sent as JSON, or unchanged if it is text."""

    body: Any
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


class RefusedError(Exception):
    """The real exchange rejects the request; carries the response, which the server sends."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.body)
        self.answer = answer


@dataclass(frozen=True, slots=True)
class Request:
    """One request: the parts of its path, its query, the time, and how a fault changes its rows."""

    path_parts: Mapping[str, str]
    query: Mapping[str, str]
    now_ms: int
    mutation: str | None = None
    empty: bool = False
    gone: str = ""
    halted: str = ""
    dark_pools: bool = False
    zero_ids: bool = False
    false_fact: str = ""

    def has(self, market: Market) -> bool:
        """Return whether the exchange lists the market at the time of the request."""
        return market.listed_ms <= self.now_ms and market.symbol != self.gone


@dataclass(frozen=True, slots=True)
class Route:
    """A path template such as /products/{id}/candles, its weight against the limit, and its handler.

    The network before the exchange caches responses for `cached_seconds`; 0: not at all.
    """

    template: str
    weight: int
    handler: Callable[[Request], Answer]
    cached_seconds: int = 0

    def match(self, path: str) -> dict[str, str] | None:
        """Return the named parts of a path; None if it is another path."""
        wanted, given = self.template.split("/"), path.split("/")
        if len(wanted) != len(given):
            return None
        parts = dict(zip(wanted, given, strict=True))
        if any(name != part and not name.startswith("{") for name, part in parts.items()):
            return None
        return {name[1:-1]: part for name, part in parts.items() if name.startswith("{")}


@dataclass(frozen=True, slots=True)
class Wiring:
    """The parts from which an exchange is built."""

    book: CandleBook
    recorded: tuple[RecordedMarket, ...] = ()
    extra_coins: int = 0
    clock: Callable[[], float] = time.time


class Exchange(ABC):
    """One exchange: its routes, its markets, its limit and its refusals."""

    name: ClassVar[str]
    # The position of each value in a candle row on the wire.
    columns: ClassVar[Columns]

    def __init__(self, wiring: Wiring) -> None:
        self.book = wiring.book
        recorded = {item.market.symbol: item.market for item in wiring.recorded if item.market.exchange == self.name}
        listed = {market.symbol: market for market in list_markets(self.name, wiring.extra_coins)}
        self.markets = tuple({**listed, **recorded}.values())
        self.markets_by_id = {market.id: market for market in self.markets}
        self._clock = wiring.clock
        self._limiters: dict[str, Limiter] = {}
        self.routes = self.build_routes()

    # A fault with one of these statuses gets the body of a refusal over the limit.
    over_limit_statuses: ClassVar[tuple[int, ...]] = (418, 429)
    # Whether each path has its own limit; otherwise all paths share it.
    limit_by_path: ClassVar[bool] = False

    def spend(self, route: Route, request: Request) -> Verdict:
        """Count a request against the limit of its path, or of all paths."""
        return self.limiter(route.template if self.limit_by_path else "", self.build_limiter).spend(route.weight)

    def limiter(self, key: str, build: Callable[[Callable[[], float]], Limiter]) -> Limiter:
        """Return the limit of that name, created when it is first needed."""
        if key not in self._limiters:
            self._limiters[key] = build(self._clock)
        return self._limiters[key]

    @abstractmethod
    def build_routes(self) -> tuple[Route, ...]:
        """Return the paths that this exchange serves."""

    @abstractmethod
    def build_limiter(self, clock: Callable[[], float]) -> Limiter:
        """Return the published limit."""

    @abstractmethod
    def over_limit(self, verdict: Verdict, route: Route) -> Answer:
        """Return the refusal of a request over the limit."""

    def usual_body(self, status: int) -> object | None:
        """Return the body that the exchange sends with an error status, if it is known."""
        return None

    @abstractmethod
    def unknown_path(self) -> Answer:
        """Return the response to a path that the exchange does not have."""

    def limit_headers(self, verdict: Verdict) -> Mapping[str, str]:
        """Return the headers that report how much of the limit is used."""
        return {}

    def wire_rows(self, market: Market, candles: Ints, request: Request, timeframe: str) -> list[Any]:
        """Return candles in the exchange's format and order, with the fault of the request."""
        if request.false_fact == "timeframes" and timeframe == "5m":
            raise RefusedError(Answer({"message": "Unsupported interval"}, 400))
        shown = NO_ROWS if request.empty else candles
        if request.false_fact:
            flat = self.name in FLAT_EXCHANGES
            shown = false_candles(request.false_fact, market, timeframe, shown, request.now_ms, flat=flat)
        shown = shown[::-1] if self.newest_first else shown
        rows = [self.wire_row(market, row, timeframe) for row in served_rows(market, shown)]
        if request.false_fact != "unfinished":
            for place in self._unfinished(market, shown, timeframe, request.now_ms):
                self.mark_unfinished(rows[place])
        rows = self._with_row_events(market, shown, rows, request.now_ms)
        rows = false_rows(request.false_fact, rows, self.columns["time"])
        return mutate(rows, self.columns, request.mutation) if request.mutation else rows

    def _with_row_events(self, market: Market, candles: Ints, rows: list[Any], now_ms: int) -> list[Any]:
        """Return rows in wire order, with those made wrong to which an event applies now."""
        for event in self.book.events_of(market):
            if event.kind == "wrong_row":
                for place in np.flatnonzero(event.applies_to(candles[:, OPEN_TIME], now_ms)).tolist():
                    mutate_row(rows[place], self.columns, event.row)
        for event in self.book.events_of(market):
            if event.kind == "double_row":
                for place in np.flatnonzero(event.applies_to(candles[:, OPEN_TIME], now_ms)).tolist()[::-1]:
                    rows.insert(place, wrong_twin(rows[place], self.columns))
        return rows

    def mark_unfinished(self, row: Any) -> None:
        """Mark a row on the wire as unfinished, if the exchange does so."""
        return

    def _unfinished(self, market: Market, candles: Ints, timeframe: str, now_ms: int) -> list[int]:
        """Return the positions of the candles that are in progress, or that an event leaves unconfirmed."""
        if not len(candles):
            return []
        opens = candles[:, OPEN_TIME]
        events = (event for event in self.book.events_of(market) if event.kind == "unconfirmed")
        mask = np.logical_or.reduce([opens < 0, *(event.applies_to(opens, now_ms) for event in events)])
        newest = 0 if self.newest_first else len(opens) - 1
        mask[newest] |= ceil_open(self.name, timeframe, int(opens[newest]) + 1) > now_ms
        return np.flatnonzero(mask).tolist()

    newest_first: ClassVar[bool] = False

    @abstractmethod
    def wire_row(self, market: Market, row: CandleRow, timeframe: str) -> Any:
        """Return one candle in the exchange's format."""

    def is_trading(self, market: Market, request: Request) -> bool:
        """Return whether the market is open for trading at the time of the request."""
        return market.symbol != request.halted and (market.halted_ms is None or request.now_ms < market.halted_ms)

    def market_by_id(self, id_: str, request: Request) -> Market | None:
        """Return the market with that id; None if there is none at the time of the request."""
        market = self.markets_by_id.get(id_)
        return market if market and request.has(market) else None

    def listed(self, request: Request) -> list[Market]:
        """Return the markets listed at the time of the request."""
        return [market for market in self.markets if request.has(market)]


@lru_cache(maxsize=64)
def decimal_text(decimals: int) -> Callable[[float], str]:
    """Return a function that formats a number with this many decimals."""
    return f"%.{decimals}f".__mod__


class RowText(NamedTuple):
    """The numbers of a candle as text, with as many decimals as its market has; 8 for the quote volume."""

    open: str
    high: str
    low: str
    close: str
    volume: str
    quote_volume: str


def row_text(market: Market, row: CandleRow) -> RowText:
    """Return the candle's numbers as text."""
    price, base, quote = map(decimal_text, (market.price_decimals, market.volume_decimals, QUOTE_DECIMALS))
    prices = (price(row.open), price(row.high), price(row.low), price(row.close))
    return RowText(*prices, base(row.volume), quote(row.quote_volume))


def trade_text(market: Market, trade: Trade) -> tuple[str, str]:
    """Return price and volume of a trade as text."""
    price = decimal_text(market.price_decimals)(trade.price / 10.0**market.price_decimals)
    return price, decimal_text(market.volume_decimals)(trade.volume / 10.0**market.volume_decimals)


def step(decimals: int) -> str:
    """Return 10^-decimals as text: 0.01 for 2."""
    return f"{10**-decimals:.{decimals}f}"


def integer(query: Mapping[str, str], name: str, refuse: Callable[[str], RefusedError]) -> int | None:
    """Return a whole number of the query; None if absent. Anything else is refused by `refuse(name)`."""
    given = query.get(name)
    if given is None:
        return None
    if not given.isascii() or not given.lstrip("-").isdigit() or len(given) > 20:
        raise refuse(name)
    return int(given)
