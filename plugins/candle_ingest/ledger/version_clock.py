"""A logical clock that all tasks on all machines share: each version is larger than every one given out before."""

from candle_ingest.connections import RedisClient
from candle_ingest.servers.redis_errors import translate_redis_errors

# The time in microseconds, or one more than the last version where Redis' own clock went back.
_NEXT = """
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000000 + tonumber(time[2])
local last = tonumber(redis.call('GET', KEYS[1]) or '0')
local version = math.max(last + 1, now, tonumber(ARGV[1]) + 1)
redis.call('SET', KEYS[1], string.format('%.0f', version))
return string.format('%.0f', version)
"""


class VersionClock:
    """Gives out versions for the records of one bucket."""

    def __init__(self, client: RedisClient, bucket: str) -> None:
        self._client = client
        self._key = f"candle_ingest:version:{bucket}"

    def next(self, after: int = 0) -> int:
        """Return a new version, larger than all before it and than `after`, which outlives a Redis that was emptied."""
        with translate_redis_errors():
            return int(self._client.eval(_NEXT, 1, self._key, after))
