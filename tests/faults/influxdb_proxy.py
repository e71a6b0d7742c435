"""A real HTTP server in front of the real InfluxDB, which answers some requests itself."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

import aiohttp
from aiohttp import web

from dev.local_stack.ports import HOST

# Headers that hold for one connection only, or that the proxy's own client has changed.
NOT_FORWARDED = {"content-length", "content-encoding", "transfer-encoding", "connection", "host"}


@dataclass
class Rule:
    """What happens to requests whose path contains `path` and whose body contains `body` and has `least_bytes` bytes.

    The first `skip` of them pass, then the rule applies to `count` (None: all). `act` is called first. With a `status`,
    the proxy responds itself. Otherwise it forwards the request, waits `delay` seconds, and returns InfluxDB's
    response, or cuts the connection instead (`lose_answer`).
    """

    path: str = "/api/v2/write"
    body: bytes = b""
    least_bytes: int = 0
    skip: int = 0
    count: int | None = None
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    answer: str = ""
    delay: float = 0.0
    lose_answer: bool = False
    act: Callable[[], None] | None = None
    hits: int = 0

    def applies_to(self, path: str, body: bytes) -> bool:
        """Return whether the rule applies to this request, and count it."""
        if self.path not in path or self.body not in body or len(body) < self.least_bytes:
            return False
        if self.skip:
            self.skip -= 1
            return False
        if self.count == 0:
            return False
        self.count = None if self.count is None else self.count - 1
        self.hits += 1
        return True


class InfluxdbProxy:
    """`with InfluxdbProxy(url) as proxy:` serves at `proxy.url`; `proxy.rules` may change at any time."""

    def __init__(self, upstream: str) -> None:
        self.rules: list[Rule] = []
        self.url = ""
        self._upstream = upstream
        self._loop = asyncio.new_event_loop()
        self._stopped = asyncio.Event()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=[self._serve()], daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(20)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._loop.call_soon_threadsafe(self._stopped.set)
        self._thread.join(20)
        self._loop.close()

    async def _serve(self) -> None:
        app = web.Application(client_max_size=2**30)
        app.router.add_route("*", "/{path:.*}", self._answer)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
        await runner.setup()
        site = web.TCPSite(runner, HOST, 0)
        await site.start()
        self.url = f"http://{HOST}:{runner.addresses[0][1]}"
        self._client = aiohttp.ClientSession(auto_decompress=True)
        self._ready.set()
        await self._stopped.wait()
        await self._client.close()
        await runner.cleanup()

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        rule = next((rule for rule in self.rules if rule.applies_to(request.path_qs, body)), Rule(path="nothing"))
        if rule.act is not None:
            await asyncio.to_thread(rule.act)
        if rule.status is not None:
            return web.Response(status=rule.status, headers=rule.headers, text=rule.answer)
        try:
            response = await self._forward(request, body)
        except (aiohttp.ClientError, ConnectionError):
            return self._cut(request)
        await asyncio.sleep(rule.delay)
        return self._cut(request) if rule.lose_answer else response

    async def _forward(self, request: web.Request, body: bytes) -> web.StreamResponse:
        headers = {key: value for key, value in request.headers.items() if key.lower() not in NOT_FORWARDED}
        # A body that came compressed was unpacked by read().
        async with self._client.request(
            request.method, self._upstream + request.path_qs, data=body, headers=headers
        ) as answer:
            kept = {key: value for key, value in answer.headers.items() if key.lower() not in NOT_FORWARDED}
            return web.Response(status=answer.status, headers=kept, body=await answer.read())

    @staticmethod
    def _cut(request: web.Request) -> web.Response:
        if request.transport is not None:
            request.transport.abort()
        return web.Response(status=502)
