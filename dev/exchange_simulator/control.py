"""The control path: health, clock, faults, market events and the request log. Only for programs on this machine."""

import json
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import Any
from urllib.parse import urlsplit

from aiohttp import web

from dev.exchange_simulator.faults import FaultError, parse_fault
from dev.exchange_simulator.market_events import MarketEventError, parse_event
from dev.exchange_simulator.simulator import Simulator

PREFIX = "/_control"
_LOCAL_HOSTS = frozenset({"127.0.0.1", "localhost", "::1"})
_JSON = "application/json"
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def _answer(body: object, status: int = 200) -> web.Response:
    """Return JSON that no browser takes for a page."""
    return web.json_response(body, status=status, headers={"X-Content-Type-Options": "nosniff"})


def _bad(message: str, status: int = 400) -> web.Response:
    return _answer({"error": message}, status)


def _is_local(address: str | None) -> bool:
    """Return whether `host:port` or a URL names this machine."""
    if address is None:
        return False
    parts = urlsplit(address if "://" in address else f"//{address}")
    return parts.hostname in _LOCAL_HOSTS


def _problem(request: web.Request) -> tuple[int, str] | None:
    """Return why a request to the control path is refused, as it may come from a page open in a browser.

    A foreign page cannot send JSON without a preflight request, is named in Origin, and, if its own name resolves to
    this machine, shows that name in Host.
    """
    if not _is_local(request.headers.get("Host")):
        return 403, "Host must be 127.0.0.1, localhost or [::1]"
    origin = request.headers.get("Origin")
    if origin is not None and not _is_local(origin):
        return 403, "Origin must be local"
    if request.method == "POST" and request.content_type != _JSON:
        return 415, f"Content-Type must be {_JSON}"
    return None


@web.middleware
async def guard_control(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuse requests that do not come from a program on this machine."""
    problem = _problem(request) if request.path.startswith(PREFIX) else None
    return await handler(request) if problem is None else _bad(problem[1], problem[0])


class Control:
    """The handlers of `/_control/…`."""

    def __init__(self, simulator: Simulator) -> None:
        self._simulator = simulator

    async def health(self, _: web.Request) -> web.Response:
        """Return the status, and what is simulated."""
        settings = self._simulator.settings
        return _answer(
            {
                "status": "ok",
                "limits": settings.limits,
                "now_ms": self._simulator.clock.now_ms(),
                "markets": {name: len(e.markets) for name, e in self._simulator.exchanges.items()},
                "recorded": [f"{r.market.exchange}:{r.market.symbol}" for r in settings.recorded],
            }
        )

    async def get_clock(self, _: web.Request) -> web.Response:
        """Return the time on the exchanges."""
        clock = self._simulator.clock
        return _answer({"now_ms": clock.now_ms(), "frozen": clock.frozen_ms is not None})

    async def set_clock(self, request: web.Request) -> web.Response:
        """Freeze the clock at {"now_ms": …}."""
        body = await _json(request)
        now_ms = body.get("now_ms") if isinstance(body, dict) else None
        if not isinstance(now_ms, int) or isinstance(now_ms, bool):
            return _bad('expected {"now_ms": milliseconds since 1970}')
        self._simulator.clock.frozen_ms = now_ms
        return await self.get_clock(request)

    async def free_clock(self, request: web.Request) -> web.Response:
        """Return to the real time."""
        self._simulator.clock.frozen_ms = None
        return await self.get_clock(request)

    async def get_faults(self, _: web.Request) -> web.Response:
        """Return the active faults, with their hits."""
        return _answer([asdict(fault) for fault in self._simulator.faults.active])

    async def add_fault(self, request: web.Request) -> web.Response:
        """Switch a fault on."""
        try:
            fault = parse_fault(await _json(request))
        except FaultError as error:
            return _bad(str(error))
        self._simulator.faults.active.append(fault)
        return _answer(asdict(fault), 201)

    async def clear_faults(self, _: web.Request) -> web.Response:
        """Switch all faults off."""
        self._simulator.clear_faults()
        return _answer([])

    async def get_events(self, _: web.Request) -> web.Response:
        """Return the events on the markets."""
        return _answer([asdict(event) for event in self._simulator.book.events])

    async def add_events(self, request: web.Request) -> web.Response:
        """Add a list of events to the existing ones."""
        given = await _json(request)
        if not isinstance(given, list):
            return _bad("expected a list of events")
        try:
            events = [parse_event(description) for description in given]
        except MarketEventError as error:
            return _bad(str(error))
        self._simulator.set_events((*self._simulator.book.events, *events))
        return _answer([asdict(event) for event in events], 201)

    async def clear_events(self, _: web.Request) -> web.Response:
        """Remove all events, past ones too."""
        self._simulator.set_events(())
        return _answer([])

    async def get_requests(self, request: web.Request) -> web.Response:
        """Return counts by exchange and path, or with ?full=1 the requests themselves."""
        log = self._simulator.log
        return _answer(log.details() if request.query.get("full") else log.counts())

    async def unknown(self, request: web.Request) -> web.Response:
        """Respond that there is no such path, or not for this method."""
        return _bad(f"no {request.method} {request.path}", 404)

    async def reset_requests(self, _: web.Request) -> web.Response:
        """Reset the counts to zero."""
        self._simulator.log.reset()
        return _answer({})


async def _json(request: web.Request) -> Any:
    try:
        return await request.json()
    except (json.JSONDecodeError, UnicodeDecodeError):
        return None


def add_control_routes(app: web.Application, simulator: Simulator) -> None:
    """Put the control path in front of the exchanges."""
    control = Control(simulator)
    app.middlewares.append(guard_control)
    app.router.add_get(f"{PREFIX}/health", control.health)
    app.router.add_get(f"{PREFIX}/clock", control.get_clock)
    app.router.add_post(f"{PREFIX}/clock", control.set_clock)
    app.router.add_delete(f"{PREFIX}/clock", control.free_clock)
    app.router.add_get(f"{PREFIX}/faults", control.get_faults)
    app.router.add_post(f"{PREFIX}/faults", control.add_fault)
    app.router.add_delete(f"{PREFIX}/faults", control.clear_faults)
    app.router.add_get(f"{PREFIX}/events", control.get_events)
    app.router.add_post(f"{PREFIX}/events", control.add_events)
    app.router.add_delete(f"{PREFIX}/events", control.clear_events)
    app.router.add_get(f"{PREFIX}/requests", control.get_requests)
    app.router.add_delete(f"{PREFIX}/requests", control.reset_requests)
    app.router.add_route("*", f"{PREFIX}{{rest:.*}}", control.unknown)
