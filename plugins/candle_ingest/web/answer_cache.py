"""Cache responses: encoded and compressed once, and shared for a minute by all clients that request the same."""

import asyncio
import gzip
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any

import orjson

from candle_ingest.web.limiter import Limiter

KEPT_SECONDS = 60.0
# Compressed responses; the largest has about 100 kB.
MAX_KEPT_BYTES = 8_000_000
COMPRESSION_LEVEL = 5


@dataclass(frozen=True, slots=True)
class PackedAnswer:
    """The JSON of a response, compressed with gzip."""

    body: bytes

    @classmethod
    def of(cls, content: dict[str, Any]) -> "PackedAnswer":
        """Encode and compress the values; NumPy arrays become lists, and NaN becomes null."""
        text = orjson.dumps(content, option=orjson.OPT_SERIALIZE_NUMPY)
        return cls(gzip.compress(text, COMPRESSION_LEVEL))

    def plain(self) -> bytes:
        """Return the JSON for a client that does not accept gzip."""
        return gzip.decompress(self.body)


class AnswerCache:
    """Makes each response once, in a thread of the limiter, however many clients request it at the same time."""

    def __init__(self, limiter: Limiter, kept_seconds: float = KEPT_SECONDS, most_bytes: int = MAX_KEPT_BYTES) -> None:
        self._limiter, self._kept_seconds, self._most_bytes = limiter, kept_seconds, most_bytes
        self._kept: OrderedDict[Hashable, tuple[float, PackedAnswer]] = OrderedDict()
        self._making: dict[Hashable, asyncio.Task[PackedAnswer]] = {}

    async def answer(self, key: Hashable, work: Callable[[], dict[str, Any]], fresh: bool = False) -> PackedAnswer:
        """Return the cached response of `key`, or else that of `work`; with `fresh`, never a cached one.

        Raises BusyError, and whatever `work` raises: errors are not cached.
        """
        kept = None if fresh else self._unexpired(key)
        if kept:
            return kept
        task = self._making.get(key)
        if task is None:
            task = self._making[key] = asyncio.create_task(self._make(key, work))
            task.add_done_callback(lambda done: self._made(key, done))
        # If one caller disconnects, the others still need the response.
        return await asyncio.shield(task)

    async def _make(self, key: Hashable, work: Callable[[], dict[str, Any]]) -> PackedAnswer:
        packed = await self._limiter.run(lambda: PackedAnswer.of(work()))
        self._keep(key, packed)
        return packed

    def _made(self, key: Hashable, task: "asyncio.Task[PackedAnswer]") -> None:
        del self._making[key]
        if not task.cancelled():
            # Otherwise asyncio logs that the exception was never retrieved.
            task.exception()

    def _unexpired(self, key: Hashable) -> PackedAnswer | None:
        made_at, packed = self._kept.get(key, (0.0, None))
        return packed if time.monotonic() - made_at < self._kept_seconds else None

    def _keep(self, key: Hashable, packed: PackedAnswer) -> None:
        self._kept.pop(key, None)
        self._kept[key] = (time.monotonic(), packed)
        while sum(len(kept.body) for _, kept in self._kept.values()) > self._most_bytes:
            self._kept.popitem(last=False)
