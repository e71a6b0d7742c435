"""The HTTP server: the exchanges under their names, faults on the wire, and the control path."""

import asyncio
import json
import socket
import struct
import time
from contextlib import suppress
from email.utils import formatdate
from typing import Any

from aiohttp import web

from dev.exchange_simulator.control import add_control_routes
from dev.exchange_simulator.exchanges.base import Answer
from dev.exchange_simulator.false_facts import DATE_OFF_SECONDS
from dev.exchange_simulator.faults import Fault
from dev.exchange_simulator.simulator import HandledRequest, Simulator

# How a response begins whose line, in the head or before a chunk, never ends.
_ENDLESS_LINES = {
    "before": b"HTTP/1.1 200 OK\r\nX-Slow: ",
    "chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;slow=",
}
_DATE_OFF = "seconds by which the header Date is off"
SERVER_NAME = "candle-ingest exchange simulator"


def _encode(answer: Answer) -> tuple[bytes, str]:
    """Return body and content type."""
    if isinstance(answer.body, str):
        return answer.body.encode(), "text/html" if answer.body.startswith("<") else "application/json"
    return json.dumps(answer.body, separators=(",", ":")).encode(), "application/json"


def _reset(request: web.Request) -> None:
    """Drop the connection so that the client sees a reset: without lingering, the system sends RST."""
    if request.transport is not None:
        connection = request.transport.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        request.transport.abort()


async def _send_part(request: web.Request, answer: Answer, *, abort: bool) -> web.StreamResponse:
    """Announce the whole body, send half of it, and close (a short body) or abort (a reset)."""
    body, content_type = _encode(answer)
    headers = {**answer.headers, "Content-Length": str(len(body)), "Content-Type": content_type}
    response = web.StreamResponse(status=answer.status, headers=headers)
    response.force_close()
    await response.prepare(request)
    await response.write(body[: len(body) // 2])
    if abort:
        _reset(request)
    elif request.transport is not None:
        request.transport.close()
    return response


async def _send_huge(request: web.Request, fault: Fault) -> web.StreamResponse:
    """Send many megabytes of blanks, which are valid JSON before a value; they compress to a thousandth."""
    response = web.StreamResponse(headers={"Content-Type": "application/json"})
    response.force_close()
    if fault.compressed:
        response.enable_compression(web.ContentCoding.gzip)
    await response.prepare(request)
    for _ in range(fault.megabytes):
        await response.write(b" " * 2**20)
    await response.write(b"[]")
    return response


async def _drip(request: web.Request, answer: Answer, fault: Fault) -> web.StreamResponse:
    """Send one byte at a time: each arrives before the client's timeout, but the whole response never does."""
    body, content_type = _encode(answer)
    response = web.StreamResponse(status=answer.status, headers={"Content-Type": content_type})
    response.force_close()
    if fault.when in _ENDLESS_LINES and request.transport is not None:
        request.transport.write(_ENDLESS_LINES[fault.when])
        await _one_by_one(b"-" * 60_000, request.transport, fault.seconds)
    await response.prepare(request)
    for byte in body:
        await response.write(bytes([byte]))
        await asyncio.sleep(fault.seconds)
    return response


async def _one_by_one(content: bytes, transport: asyncio.Transport, seconds: float) -> None:
    for byte in content:
        # A client that has left would otherwise cost twenty minutes of writing to nobody.
        if transport.is_closing():
            raise ConnectionResetError("the client has left")
        transport.write(bytes([byte]))
        await asyncio.sleep(seconds)


async def _send(request: web.Request, done: HandledRequest) -> web.StreamResponse:
    fault = done.fault
    if fault and fault.kind == "huge":
        return await _send_huge(request, fault)
    if fault and fault.kind == "drip":
        return await _drip(request, done.answer, fault)
    if fault and (fault.kind == "truncate" or (fault.kind == "reset" and fault.when == "middle")):
        return await _send_part(request, done.answer, abort=fault.kind == "reset")
    body, content_type = _encode(done.answer)
    return web.Response(body=body, status=done.answer.status, headers=done.answer.headers, content_type=content_type)


async def _wait_or_reset(request: web.Request, fault: Fault | None) -> None:
    if fault and fault.kind == "delay":
        await asyncio.sleep(fault.seconds)
    if fault and fault.kind == "reset" and fault.when == "before":
        _reset(request)


async def _serve(request: web.Request) -> web.StreamResponse:
    simulator = request.app[SIMULATOR]
    name, path = request.match_info["exchange"], "/" + request.match_info["path"]
    if name not in simulator.exchanges:
        return web.json_response(
            {"error": f"no exchange {name}; there are {', '.join(simulator.exchanges)}"}, status=404
        )
    started = time.perf_counter()
    fault = simulator.faults.take(name, path, simulator.clock.now_ms())
    query: dict[str, str] = dict(request.query)
    done = simulator.answer(name, path, query, fault, request.query_string)
    if fault and fault.kind == "false_fact" and fault.fact == "date":
        request[_DATE_OFF] = DATE_OFF_SECONDS
    # Count before a delay, so that requests of clients that give up are counted too.
    simulator.record(name, path, query, done, started)
    await _wait_or_reset(request, fault)
    # A client that disconnects is not an error of this server.
    with suppress(ConnectionResetError):
        return await _send(request, done)
    return web.Response(status=499)


async def _sign(request: web.Request, response: web.StreamResponse) -> None:
    """Mark the response as simulated, and date it by the simulated clock."""
    response.headers["Server"] = SERVER_NAME
    seconds = request.app[SIMULATOR].clock.now_ms() // 1000 + request.get(_DATE_OFF, 0)
    response.headers["Date"] = formatdate(seconds, usegmt=True)


SIMULATOR: web.AppKey[Simulator] = web.AppKey("simulator", Simulator)


def build_app(simulator: Simulator) -> web.Application:
    """Return the application: `/_control/…` and `/<exchange>/<the exchange's own path>`."""
    app = web.Application()
    app[SIMULATOR] = simulator
    app.on_response_prepare.append(_sign)
    add_control_routes(app, simulator)
    app.router.add_route("*", "/{exchange}/{path:.*}", _serve)

    async def close_log(_: web.Application) -> None:
        simulator.log.close()

    app.on_cleanup.append(close_log)
    return app


def server_settings() -> dict[str, Any]:
    """Return the settings of the runner: no access log, and no waiting for idle connections at the end."""
    return {"access_log": None, "shutdown_timeout": 0.5}
