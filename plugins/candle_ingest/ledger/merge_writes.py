"""The days that merges are writing, so that a merge that is killed while it writes leaves no outdated candles behind.

A merge that has lost its lock may overwrite a newer merge with older candles, and then merges once more. If it is
killed before that, only the entry that it made here before writing shows it: repair then merges the whole day.

`candle_ingest:merging:<bucket>`: a Redis sorted set of `pair|day|merge`, score when its write began, in ms.
"""

import time
import uuid
from collections.abc import Collection, Iterable, Iterator

from candle_ingest.candles.window import HOUR_MS
from candle_ingest.connections import RedisClient
from candle_ingest.ledger.work_index import PairDay
from candle_ingest.servers.redis_errors import translate_redis_errors

# No write takes that long, with all its retries.
ABANDONED_MS = HOUR_MS


class MergeWrites:
    """The entries of one task among those of one bucket."""

    def __init__(self, client: RedisClient, bucket: str) -> None:
        self._client = client
        self._key = f"candle_ingest:merging:{bucket}"
        self._own = uuid.uuid4().hex

    def begin(self, days: Collection[PairDay]) -> None:
        """Record that this task is about to write these days."""
        if days:
            with translate_redis_errors():
                self._client.zadd(self._key, dict.fromkeys(self._members(days), time.time_ns() // 1_000_000))

    def end(self, days: Collection[PairDay]) -> None:
        """Record that this task has written these days, and held its lock throughout."""
        if days:
            with translate_redis_errors():
                self._client.zrem(self._key, *self._members(days))

    def abandoned(self) -> dict[str, PairDay]:
        """Return the entries of tasks that never finished their write, each with its day."""
        until_ms = time.time_ns() // 1_000_000 - ABANDONED_MS
        with translate_redis_errors():
            members = [member.decode() for member in self._client.zrangebyscore(self._key, 0, until_ms)]
        found = ((member, member.split("|")) for member in members)
        return {member: (pair, int(day)) for member, (pair, day, _) in found}

    def forget(self, entries: Iterable[str]) -> None:
        """Remove entries whose days were merged again."""
        if members := list(entries):
            with translate_redis_errors():
                self._client.zrem(self._key, *members)

    def _members(self, days: Collection[PairDay]) -> Iterator[str]:
        return (f"{pair}|{day_ms}|{self._own}" for pair, day_ms in days)
