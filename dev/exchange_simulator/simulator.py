"""Turn a request into its response: fault, limit, exchange, log. Independent of sockets."""

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from dev.exchange_simulator.candle_book import CandleBook
from dev.exchange_simulator.clock import Clock
from dev.exchange_simulator.edge_cache import EdgeCache
from dev.exchange_simulator.error_answers import find_error
from dev.exchange_simulator.exchanges import Exchange, Wiring, build_exchanges
from dev.exchange_simulator.exchanges.base import Answer, RefusedError, Request, Route
from dev.exchange_simulator.false_facts import REFUSED_OF, false_headers
from dev.exchange_simulator.faults import Fault, FaultList
from dev.exchange_simulator.market_events import MarketEvent
from dev.exchange_simulator.mutations import MUTATIONS
from dev.exchange_simulator.rate_limits import Verdict
from dev.exchange_simulator.recorded import RecordedMarket
from dev.exchange_simulator.request_log import LoggedRequest, RequestLog

_UNMATCHED = Route("(unknown path)", 1, lambda _: Answer(None))


@dataclass(frozen=True, slots=True)
class SimulatorSettings:
    """The settings from the command line."""

    limits: bool = True
    recorded: tuple[RecordedMarket, ...] = ()
    extra_coins: int = 0
    request_log: Path | None = None
    events: tuple[MarketEvent, ...] = ()


@dataclass(slots=True)
class HandledRequest:
    """The outcome of one request, for the server to send and the log to store."""

    answer: Answer
    outcome: str
    template: str
    fault: Fault | None = field(default=None)


class Simulator:
    """All exchanges, with their clock, faults, limits and log."""

    def __init__(self, settings: SimulatorSettings) -> None:
        self.settings = settings
        self.clock = Clock()
        self.faults = FaultList()
        self.log = RequestLog(settings.request_log)
        recorded = {(r.market.exchange, r.market.symbol): r.rows for r in settings.recorded}
        self.book = CandleBook(recorded, settings.events)
        self._cache = EdgeCache()
        wiring = Wiring(self.book, settings.recorded, settings.extra_coins)
        self.exchanges: dict[str, Exchange] = build_exchanges(wiring)
        # The last sound answer of each path, for the fault stale.
        self._answers: dict[tuple[str, str], Answer] = {}

    def set_events(self, events: Iterable[MarketEvent]) -> None:
        """Replace the events on the markets, for all later requests."""
        self.book.set_events(events)
        self._cache.clear()

    def clear_faults(self) -> None:
        """Switch all faults off, and clear what caches hold of them."""
        self.faults.active.clear()
        self._cache.clear()

    def answer(
        self, name: str, path: str, query: Mapping[str, str], fault: Fault | None, search: str
    ) -> HandledRequest:
        """Return the response of an exchange, changed by the fault; `search` is the query string as sent."""
        exchange = self.exchanges[name]
        route, parts = _find_route(exchange, path)
        if fault and fault.kind in ("status", "body", "error"):
            return HandledRequest(self._faulty_answer(exchange, route, fault), "faulted", route.template, fault)
        if fault and fault.fact == "pace" and fault.hits % REFUSED_OF == 0:
            return HandledRequest(exchange.over_limit(Verdict(False, 1.0), route), "faulted", route.template, fault)
        request = self._request(parts, query, fault)

        def respond() -> tuple[Answer, str]:
            return self._limited(exchange, route, request)

        answer, outcome = self._cached((name, path, search), route, request, fault, respond)
        if fault and fault.kind == "stale":
            answer = self._answers.get((name, path), answer)
        elif outcome == "accepted" and not fault:
            self._answers[name, path] = answer
        if fault:
            return HandledRequest(_with_faulty_headers(answer, fault), "faulted", route.template, fault)
        return HandledRequest(answer, outcome, route.template)

    def _request(self, parts: Mapping[str, str], query: Mapping[str, str], fault: Fault | None) -> Request:
        """Return the request as the exchange sees it, including how the fault changes its response."""
        kind = fault.kind if fault else ""
        return Request(
            path_parts=parts,
            query=query,
            now_ms=self.clock.now_ms() - int(_age_seconds(fault) * 1000),
            mutation=kind if kind in MUTATIONS else None,
            empty=kind == "empty",
            dark_pools=kind == "dark_pools",
            zero_ids=kind == "zero_ids",
            false_fact=fault.fact if fault and kind == "false_fact" else "",
            gone=fault.market if fault and kind == "gone" else "",
            halted=fault.market if fault and kind == "halted" else "",
        )

    def _cached(
        self,
        address: tuple[str, str, str],
        route: Route,
        request: Request,
        fault: Fault | None,
        respond: Callable[[], tuple[Answer, str]],
    ) -> tuple[Answer, str]:
        """Return the response from the cache before the exchange, or else that of the exchange, which is then cached.

        A fault bypasses the cache, so that it hits the request that it is for, and is cached like any response.
        """
        if not route.cached_seconds:
            return respond()
        kept = None if fault else self._cache.find(address, request.now_ms, route.cached_seconds)
        if kept is not None:
            return kept, "accepted"
        answer, outcome = respond()
        return self._cache.keep(address, request.now_ms, answer, route.cached_seconds), outcome

    def _limited(self, exchange: Exchange, route: Route, request: Request) -> tuple[Answer, str]:
        """Return the exchange's own response, unless its limit is reached."""
        verdict = exchange.spend(route, request) if self.settings.limits else Verdict(True)
        if not verdict.allowed:
            return exchange.over_limit(verdict, route), "rejected"
        if route is _UNMATCHED:
            return exchange.unknown_path(), "rejected"
        headers = exchange.limit_headers(verdict)
        try:
            answer = route.handler(request)
        except RefusedError as refused:
            return Answer(refused.answer.body, refused.answer.status, {**headers, **refused.answer.headers}), "rejected"
        return Answer(answer.body, answer.status, {**headers, **answer.headers}), "accepted"

    def _faulty_answer(self, exchange: Exchange, route: Route, fault: Fault) -> Answer:
        """Return the status or body that was set; without a body, what such a gateway would send."""
        error = find_error(exchange.name, fault.error) if fault.kind == "error" else None
        if error is not None:
            return Answer(error.body, error.status, fault.headers)
        status = fault.status if fault.kind == "status" else 200
        text = fault.text()
        if text is None and status in exchange.over_limit_statuses:
            usual = exchange.over_limit(Verdict(False, 1.0), route)
            return Answer(usual.body, status, {**usual.headers, **fault.headers})
        page = f"<html><body><h1>{status}</h1></body></html>"
        return Answer((exchange.usual_body(status) or page) if text is None else text, status, fault.headers)

    def record(self, name: str, path: str, query: Mapping[str, str], done: HandledRequest, started: float) -> None:
        """Add a request to the log; `started` is from time.perf_counter."""
        self.log.add(
            LoggedRequest(
                time_ms=int(time.time() * 1000),
                exchange=name,
                path=path,
                template=done.template,
                query=dict(query),
                status=done.answer.status,
                outcome=done.outcome,
                fault=done.fault.kind if done.fault else None,
                milliseconds=round((time.perf_counter() - started) * 1000, 2),
            )
        )


def _age_seconds(fault: Fault | None) -> float:
    """Return the age of the response, as an intermediate cache would report it."""
    return fault.seconds if fault and fault.kind == "aged" else 0


def _with_faulty_headers(answer: Answer, fault: Fault) -> Answer:
    headers = false_headers(fault.fact, answer.headers) if fault.kind == "false_fact" else answer.headers
    if age_seconds := int(_age_seconds(fault)):
        headers = {**headers, "Age": str(age_seconds)}
    return Answer(answer.body, answer.status, headers)


def _find_route(exchange: Exchange, path: str) -> tuple[Route, dict[str, str]]:
    for route in exchange.routes:
        parts = route.match(path)
        if parts is not None:
            return route, parts
    return _UNMATCHED, {}
