"""The control path: health, clock, faults and the request log."""

import json
from dataclasses import asdict
from typing import Any

from aiohttp import web

from dev.exchange_simulator.faults import FaultError, parse_fault
from dev.exchange_simulator.simulator import Simulator


def _bad(message: str) -> web.Response:
    return web.json_response({"error": message}, status=400)


class Control:
    """What `/_control/…` answers."""

    def __init__(self, simulator: Simulator) -> None:
        self._simulator = simulator

    async def health(self, _: web.Request) -> web.Response:
        """Up, and what it simulates."""
        settings = self._simulator.settings
        return web.json_response(
            {
                "status": "ok",
                "limits": settings.limits,
                "now_ms": self._simulator.clock.now_ms(),
                "markets": {name: len(e.markets) for name, e in self._simulator.exchanges.items()},
                "recorded": [f"{r.market.exchange}:{r.market.symbol}" for r in settings.recorded],
            }
        )

    async def get_clock(self, _: web.Request) -> web.Response:
        """The moment it is on the exchanges."""
        clock = self._simulator.clock
        return web.json_response({"now_ms": clock.now_ms(), "frozen": clock.frozen_ms is not None})

    async def set_clock(self, request: web.Request) -> web.Response:
        """Freeze the clock at {"now_ms": …}."""
        body = await _json(request)
        now_ms = body.get("now_ms") if isinstance(body, dict) else None
        if not isinstance(now_ms, int) or isinstance(now_ms, bool):
            return _bad('expected {"now_ms": milliseconds since 1970}')
        self._simulator.clock.frozen_ms = now_ms
        return await self.get_clock(request)

    async def free_clock(self, request: web.Request) -> web.Response:
        """Back to the real time."""
        self._simulator.clock.frozen_ms = None
        return await self.get_clock(request)

    async def get_faults(self, _: web.Request) -> web.Response:
        """The faults in force, with their hits."""
        return web.json_response([asdict(fault) for fault in self._simulator.faults.faults])

    async def add_fault(self, request: web.Request) -> web.Response:
        """Switch a fault on."""
        try:
            fault = parse_fault(await _json(request))
        except FaultError as error:
            return _bad(str(error))
        self._simulator.faults.faults.append(fault)
        return web.json_response(asdict(fault), status=201)

    async def clear_faults(self, _: web.Request) -> web.Response:
        """Switch all faults off."""
        self._simulator.faults.faults.clear()
        return web.json_response([])

    async def get_requests(self, request: web.Request) -> web.Response:
        """Counts by exchange and path, or the requests themselves with ?full=1."""
        log = self._simulator.log
        return web.json_response(log.details() if request.query.get("full") else log.counts())

    async def reset_requests(self, _: web.Request) -> web.Response:
        """Count from zero."""
        self._simulator.log.reset()
        return web.json_response({})


async def _json(request: web.Request) -> Any:
    try:
        return await request.json()
    except json.JSONDecodeError:
        return None


def add_control_routes(app: web.Application, simulator: Simulator) -> None:
    """Put the control path in front of the exchanges."""
    control = Control(simulator)
    app.router.add_get("/_control/health", control.health)
    app.router.add_get("/_control/clock", control.get_clock)
    app.router.add_post("/_control/clock", control.set_clock)
    app.router.add_delete("/_control/clock", control.free_clock)
    app.router.add_get("/_control/faults", control.get_faults)
    app.router.add_post("/_control/faults", control.add_fault)
    app.router.add_delete("/_control/faults", control.clear_faults)
    app.router.add_get("/_control/requests", control.get_requests)
    app.router.add_delete("/_control/requests", control.reset_requests)
