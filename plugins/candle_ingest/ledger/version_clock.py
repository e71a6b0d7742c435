"""A logical clock shared by all tasks on all machines: each version is larger than all earlier ones."""

from candle_ingest.connections import RedisClient
from candle_ingest.servers.redis_errors import translate_redis_errors

# The time in microseconds, or the last version plus one if Redis' clock went back.
_NEXT = """
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000000 + tonumber(time[2])
local last = tonumber(redis.call('GET', KEYS[1]) or '0')
local version = math.max(last + 1, now, tonumber(ARGV[1]) + 1)
redis.call('SET', KEYS[1], string.format('%.0f', version))
return string.format('%.0f', version)
"""


class VersionClock:
    """Issues versions for the records of one bucket."""

    def __init__(self, client: RedisClient, bucket: str) -> None:
        self._client = client
        self._key = f"candle_ingest:version:{bucket}"

    def next(self, after: int = 0) -> int:
        """Return a version larger than all earlier ones and than `after`, which survives an emptied Redis."""
        with translate_redis_errors():
            return int(self._client.eval(_NEXT, 1, self._key, after))
