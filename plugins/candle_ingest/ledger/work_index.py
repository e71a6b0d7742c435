"""Sets in Redis: due records, days to merge, final days to announce, and pairs never requested because unlisted.

They save searching years of records. All of them may be lost: if the marker key, which expires after a month, is
missing, the sets are rebuilt from the records in InfluxDB. An entry may be superfluous but is never missing, because it
is added before the record is written.

`candle_ingest:due:<bucket>`: `pair|exchange|day`, score when due in ms. `candle_ingest:unmerged:<bucket>`:
`pair|day`, score the version of the newest answer. `candle_ingest:unannounced:<bucket>`: `pair|day`, score 0;
the hash `candle_ingest:announcing:<bucket>` maps `pair|day` to the run that is to send its event;
`candle_ingest:unlisted:<bucket>`: a set of `pair|exchange`.

The hash `candle_ingest:pipelines:<bucket>` maps each pair to its pipeline: those that share a bucket differ in their
exchanges, so none may merge the days of another. Every run restores the entries of its own symbols.
"""

import itertools
import logging
import time
from collections.abc import Collection, Iterable, Mapping

from redis.lock import Lock

from candle_ingest.connections import RedisClient
from candle_ingest.ledger.day_records import Key
from candle_ingest.ledger.recorded_work import RecordedWork
from candle_ingest.plurals import counted
from candle_ingest.servers.redis_errors import translate_redis_errors
from candle_ingest.store.bucket import InfluxBucket

logger = logging.getLogger(__name__)
MARKER_SECONDS = 30 * 24 * 3600
REBUILD_LOCK_SECONDS = 600
AT_A_TIME = 5_000
# Remove an entry only if its score is at most the one given. A day that was merged by another method than the one that
# days are searched by stays, or is added.
_REMOVE = """
local known = redis.call('GET', KEYS[2])
if known and ARGV[3] ~= '' and known ~= ARGV[3] then return redis.call('ZADD', KEYS[1], 'NX', ARGV[4], ARGV[2]) end
local score = redis.call('ZSCORE', KEYS[1], ARGV[2])
if score and tonumber(score) <= tonumber(ARGV[1]) then redis.call('ZREM', KEYS[1], ARGV[2]) end
"""
PairDay = tuple[str, int]
# Score of a day without new answers that was merged by another method.
OTHER_METHOD = 1


class WorkIndex:
    """The open work of one bucket."""

    def __init__(self, client: RedisClient, bucket: InfluxBucket) -> None:
        self._client = client
        self._bucket = bucket
        self._due, self._unmerged, self._unannounced, self._announcing, self._unlisted, self._marker = (
            f"candle_ingest:{name}:{bucket.name}"
            for name in ("due", "unmerged", "unannounced", "announcing", "unlisted", "work_index")
        )
        self._rebuilt_until = f"{self._marker}:until"
        self._pipelines = f"candle_ingest:pipelines:{bucket.name}"

    def ensure(self) -> None:
        """Rebuild the sets from the records if the marker is missing."""
        with translate_redis_errors():
            if self._client.exists(self._marker):
                return
            name = f"{self._marker}:lock"
            with self._client.lock(name, timeout=REBUILD_LOCK_SECONDS, blocking_timeout=REBUILD_LOCK_SECONDS) as lock:
                if not self._client.exists(self._marker):
                    self._rebuild(lock)
                    self._client.set(self._marker, int(time.time()), ex=MARKER_SECONDS)

    def note_pipeline(self, pipeline: str, pairs: Iterable[str]) -> None:
        """Record that these pairs are symbols of the pipeline; days of one that was another's may need its method."""
        with translate_redis_errors():
            known = self._owners()
            changed = {pair: pipeline for pair in pairs if known.get(pair) != pipeline}
            if changed:
                self._client.delete(f"{self._method_key(pipeline)}:searched")
                self._client.hset(self._pipelines, mapping=changed)

    def pairs_of(self, pipeline: str) -> set[str]:
        """Return the pairs that are, or were last, symbols of the pipeline."""
        return {pair for pair, owner in self._owners().items() if owner == pipeline}

    def pairs_of_others(self, pipeline: str) -> set[str]:
        """Return the pairs that are, or were last, symbols of other pipelines."""
        return {pair for pair, owner in self._owners().items() if owner != pipeline}

    def _owners(self) -> dict[str, str]:
        with translate_redis_errors():
            return {pair.decode(): owner.decode() for pair, owner in self._client.hgetall(self._pipelines).items()}

    def note_due(self, due_ms: Mapping[Key, int | None]) -> None:
        """Set when each record is due; None removes it."""
        with translate_redis_errors():
            if entries := {_member(key): at_ms for key, at_ms in due_ms.items() if at_ms is not None}:
                self._client.zadd(self._due, entries)
            if gone := [_member(key) for key, at_ms in due_ms.items() if at_ms is None]:
                self._client.zrem(self._due, *gone)

    def due(self, now_ms: int) -> list[Key]:
        """Return the records that are due, the longest overdue first."""
        with translate_redis_errors():
            return [_key(member) for member in self._client.zrangebyscore(self._due, 0, now_ms)]

    def note_unmerged(self, versions: Mapping[PairDay, int]) -> None:
        """Add days whose answers up to these versions are not merged yet."""
        if versions:
            with translate_redis_errors():
                self._client.zadd(self._unmerged, {_member(day): v for day, v in versions.items()}, gt=True)

    def unmerged(self) -> dict[PairDay, int]:
        """Return the pairs and days with unmerged answers, and the version of the newest answer."""
        with translate_redis_errors():
            found = self._client.zrange(self._unmerged, 0, -1, withscores=True)
        return {_pair_day(member): int(score) for member, score in found}

    def remove_merged(self, days: Mapping[PairDay, int], pipeline: str = "", method: str = "") -> None:
        """Remove days whose answers are merged up to the given version; a day with a newer answer keeps its entry.

        A day also keeps it if a task with older settings has merged it by another `method` than its `pipeline` has now.
        """
        key = self._method_key(pipeline)
        with translate_redis_errors(), self._client.pipeline(transaction=False) as commands:
            for day, version in days.items():
                commands.eval(_REMOVE, 2, self._unmerged, key, version, _member(day), method, OTHER_METHOD)
            commands.execute()

    def _method_key(self, pipeline: str) -> str:
        return f"candle_ingest:merge_method:{self._bucket.name}:{pipeline}"

    def note_other_methods(self, pipeline: str, method: str, pairs: Collection[str]) -> None:
        """Add the days of its `pairs` that were merged by another method than the pipeline's current one.

        Searches only if the method differs from the one it last searched by. The method is set before the search: a
        task that merges by another one is either found by the search, or finds by itself that it is outdated.
        """
        key = self._method_key(pipeline)
        with translate_redis_errors():
            known = self._client.get(f"{key}:searched")
            if known is not None and known.decode() == method and self._client.get(key) == known:
                return
            self._client.set(key, method)
            recorded, count = RecordedWork(self._bucket), 0
            for span in recorded.spans():
                days = [day for day in recorded.merged_otherwise(span, method) if day.partition("|")[0] in pairs]
                self._add(self._unmerged, dict.fromkeys(days, OTHER_METHOD))
                count += len(days)
            if count:
                logger.info("Merged by another method than %s, and now again: %s", method, counted(count, "day"))
            self._client.set(f"{key}:searched", method)

    def note_unannounced(self, days: Iterable[PairDay]) -> None:
        """Add final days whose event is still to be sent."""
        if members := {_member(day): 0 for day in days}:
            with translate_redis_errors():
                self._client.zadd(self._unannounced, members)

    def unannounced(self) -> list[PairDay]:
        """Return the final days whose event is still to be sent."""
        with translate_redis_errors():
            return [_pair_day(member) for member in self._client.zrange(self._unannounced, 0, -1)]

    def claims(self) -> dict[PairDay, str]:
        """Return, by day, which run is to send its event."""
        with translate_redis_errors():
            return {_pair_day(member): run.decode() for member, run in self._client.hgetall(self._announcing).items()}

    def claim(self, days: Iterable[PairDay], run: str) -> None:
        """Record that `run` sends the events of these days."""
        if claims := {_member(day): run for day in days}:
            with translate_redis_errors():
                self._client.hset(self._announcing, mapping=claims)

    def remove_announced(self, days: Iterable[PairDay]) -> None:
        """Remove days whose event was sent, or that are no longer final."""
        if members := [_member(day) for day in days]:
            with translate_redis_errors():
                self._client.zrem(self._unannounced, *members)
                self._client.hdel(self._announcing, *members)

    def note_unlisted(self, exchange: str, pairs: Iterable[str]) -> None:
        """Add pairs with days that were not requested, because the exchange does not list the pair."""
        if members := [_member((pair, exchange)) for pair in pairs]:
            with translate_redis_errors():
                self._client.sadd(self._unlisted, *members)

    def unlisted(self) -> set[tuple[str, str]]:
        """Return the pairs and exchanges of such days."""
        with translate_redis_errors():
            members = self._client.smembers(self._unlisted)
        found = (member.decode().split("|") for member in members)
        return {(pair, exchange) for pair, exchange in found}

    def remove_listed(self, pair: str, exchange: str) -> None:
        """Remove a pair whose days are due now."""
        with translate_redis_errors():
            self._client.srem(self._unlisted, _member((pair, exchange)))

    def _rebuild(self, lock: Lock) -> None:
        """Add the open work in the records, starting where an earlier rebuild was killed."""
        logger.info("The index of open work is built from the records of the bucket %s", self._bucket.name)
        recorded = RecordedWork(self._bucket)
        for span in recorded.spans(int(self._client.get(self._rebuilt_until) or 0)):
            self._add(self._due, recorded.due(span))
            self._add(self._unmerged, recorded.unmerged(span))
            self._add(self._unannounced, dict.fromkeys(recorded.unannounced(span), 0))
            if unlisted := recorded.unlisted(span):
                self._client.sadd(self._unlisted, *unlisted)
            self._client.set(self._rebuilt_until, span.end_ms)
            lock.extend(REBUILD_LOCK_SECONDS, replace_ttl=True)
        self._client.delete(self._rebuilt_until)

    def _add(self, name: str, entries: Mapping[str, int]) -> None:
        members = iter(entries.items())
        while some := dict(itertools.islice(members, AT_A_TIME)):
            self._client.zadd(name, some, nx=True)


def _member(key: tuple[str | int, ...]) -> str:
    return "|".join(map(str, key))


def _key(member: bytes) -> Key:
    pair, exchange, day = member.decode().split("|")
    return pair, exchange, int(day)


def _pair_day(member: bytes) -> PairDay:
    pair, day = member.decode().split("|")
    return pair, int(day)
