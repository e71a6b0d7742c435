"""Sets in Redis of what is due, not merged yet, not announced though final, and never asked because it was not listed.

They save searching years of records. All of it may be lost: if the marker key, which expires after a week, is missing,
the sets are rebuilt from the records in InfluxDB. An entry may be superfluous but is never missing, because it is
added before the record is written.

`candle_ingest:due:<bucket>`: `pair|exchange|day`, score when due in ms. `candle_ingest:unmerged:<bucket>`:
`pair|day`, score the version of the newest answer. `candle_ingest:unannounced:<bucket>`: `pair|day`, score 0;
the hash `candle_ingest:announcing:<bucket>` maps `pair|day` to the run that is to send its event;
`candle_ingest:unlisted:<bucket>`: a set of `pair|exchange`.
"""

import logging
import time
from collections.abc import Iterable, Mapping

from candle_ingest.candles.window import Window
from candle_ingest.connections import RedisClient
from candle_ingest.errors.servers import BucketMissingError
from candle_ingest.ledger.day_records import DAY_RECORDS, MERGE_DAYS, Key
from candle_ingest.servers.redis_errors import translate_redis_errors
from candle_ingest.store.bucket import InfluxBucket
from candle_ingest.store.flux import flux_range, keep, select, times_ms

logger = logging.getLogger(__name__)
MARKER_SECONDS = 7 * 24 * 3600
REBUILD_LOCK_SECONDS = 600
AT_A_TIME = 5_000
ALL_TIME = Window(0, 4_102_444_800_000)
# Remove an entry only if its score is at most the one given. A day that was merged by another method than the one that
# days are searched by stays, or is added.
_REMOVE = """
local known = redis.call('GET', KEYS[2])
if known and ARGV[3] ~= '' and known ~= ARGV[3] then return redis.call('ZADD', KEYS[1], 'NX', ARGV[4], ARGV[2]) end
local score = redis.call('ZSCORE', KEYS[1], ARGV[2])
if score and tonumber(score) <= tonumber(ARGV[1]) then redis.call('ZREM', KEYS[1], ARGV[2]) end
"""
_OTHER_METHODS = select("merge_days", 'r._field == "merge_method" and r._value != method') + keep(
    "_time", "currency_pair"
)
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

    def ensure(self) -> None:
        """Rebuild the sets from the records if the marker is missing."""
        with translate_redis_errors():
            if self._client.exists(self._marker):
                return
            with self._client.lock(f"{self._marker}:lock", timeout=REBUILD_LOCK_SECONDS, blocking_timeout=600):
                if not self._client.exists(self._marker):
                    self._rebuild()
                    self._client.set(self._marker, int(time.time()), ex=MARKER_SECONDS)

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

    def merged(self, days: Mapping[PairDay, int], pipeline: str = "", method: str = "") -> None:
        """Remove days whose answers are merged up to the given version; a newer answer keeps its entry.

        So does a day that a task with older settings has merged, by another `method` than its `pipeline` has now.
        """
        key = self._method_key(pipeline)
        with translate_redis_errors(), self._client.pipeline(transaction=False) as commands:
            for day, version in days.items():
                commands.eval(_REMOVE, 2, self._unmerged, key, version, _member(day), method, OTHER_METHOD)
            commands.execute()

    def _method_key(self, pipeline: str) -> str:
        return f"candle_ingest:merge_method:{self._bucket.name}:{pipeline}"

    def note_other_methods(self, pipeline: str, method: str) -> None:
        """Add the days that were merged by another method than the pipeline's current one.

        Searches only if the method differs from the one it last searched by. The method is set before the search: a
        task that merges by another one is either found by the search, or finds by itself that it is outdated.
        """
        key = self._method_key(pipeline)
        with translate_redis_errors():
            known = self._client.get(f"{key}:searched")
            if known is not None and known.decode() == method and self._client.get(key) == known:
                return
            self._client.set(key, method)
            rows = self._bucket.query(_OTHER_METHODS, method=method, **flux_range(ALL_TIME))
            days = times_ms(row["_time"] for row in rows).tolist()
            members = {f"{row['currency_pair']}|{day_ms}": OTHER_METHOD for row, day_ms in zip(rows, days, strict=True)}
            if members:
                logger.info(
                    "%d days were merged by another method than %s: they are merged again", len(members), method
                )
                self._client.zadd(self._unmerged, members, nx=True)
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

    def announced(self, days: Iterable[PairDay]) -> None:
        """Remove days whose event was sent, or that are no longer final."""
        if members := [_member(day) for day in days]:
            with translate_redis_errors():
                self._client.zrem(self._unannounced, *members)
                self._client.hdel(self._announcing, *members)

    def note_unlisted(self, exchange: str, pairs: Iterable[str]) -> None:
        """Add pairs with days of which the exchange was not asked, because it does not list them."""
        if members := [_member((pair, exchange)) for pair in pairs]:
            with translate_redis_errors():
                self._client.sadd(self._unlisted, *members)

    def unlisted(self) -> set[tuple[str, str]]:
        """Return the pairs and exchanges of such days."""
        with translate_redis_errors():
            members = self._client.smembers(self._unlisted)
        found = (member.decode().split("|") for member in members)
        return {(pair, exchange) for pair, exchange in found}

    def listed(self, pair: str, exchange: str) -> None:
        """Remove a pair whose days are due now."""
        with translate_redis_errors():
            self._client.srem(self._unlisted, _member((pair, exchange)))

    def _rebuild(self) -> None:
        logger.info("The index of open work is built from the records of the bucket %s", self._bucket.name)
        try:
            due = self._scores(DAY_RECORDS, "due_ms", "> 0")
            answered = self._newest(self._scores(DAY_RECORDS, "answered_version", "> 0"))
            merged = self._scores(MERGE_DAYS, "merged_version", ">= 0")
            final = self._scores(MERGE_DAYS, "final", "> 0")
            announced = self._scores(MERGE_DAYS, "announced", "> 0")
            by_list = self._scores(DAY_RECORDS, "by_list", "> 0")
        except BucketMissingError:
            return
        open_days = {day: version for day, version in answered.items() if version > merged.get(day, -1)}
        if unlisted := {member.rpartition("|")[0] for member in by_list}:
            self._client.sadd(self._unlisted, *unlisted)
        silent = dict.fromkeys(final.keys() - announced.keys(), 0)
        for name, entries in ((self._due, due), (self._unmerged, open_days), (self._unannounced, silent)):
            members = list(entries.items())
            for start in range(0, len(members), AT_A_TIME):
                self._client.zadd(name, dict(members[start : start + AT_A_TIME]), nx=True)

    def _scores(self, measurement: str, field: str, condition: str) -> dict[str, int]:
        scores = select(measurement, f'r._field == "{field}" and r._value {condition}')
        flux = scores + keep("_time", "_value", "currency_pair", "exchange")
        rows = self._bucket.query(flux, **flux_range(ALL_TIME))
        times = times_ms(row["_time"] for row in rows).tolist()
        return {
            "|".join(filter(None, (row["currency_pair"], row.get("exchange"), str(day_ms)))): int(row["_value"])
            for row, day_ms in zip(rows, times, strict=True)
        }

    @staticmethod
    def _newest(by_record: Mapping[str, int]) -> dict[str, int]:
        newest: dict[str, int] = {}
        for member, version in by_record.items():
            pair, _, day = member.split("|")
            newest[f"{pair}|{day}"] = max(version, newest.get(f"{pair}|{day}", 0))
        return newest


def _member(key: tuple[str | int, ...]) -> str:
    return "|".join(map(str, key))


def _key(member: bytes) -> Key:
    pair, exchange, day = member.decode().split("|")
    return pair, exchange, int(day)


def _pair_day(member: bytes) -> PairDay:
    pair, day = member.decode().split("|")
    return pair, int(day)
