"""redis-py's exceptions, sorted by who acts on them."""

from collections.abc import Iterator
from contextlib import contextmanager

import redis

from candle_ingest.errors.servers import RedisRefusedError, RedisUnreachableError


@contextmanager
def translate_redis_errors() -> Iterator[None]:
    """Turn what redis-py raises into RedisRefusedError (password, rights) or RedisUnreachableError (the rest)."""
    try:
        yield
    except (redis.AuthenticationError, redis.exceptions.NoPermissionError) as error:
        raise RedisRefusedError(f"Redis refuses user or password of redis_default: {error}") from error
    except redis.RedisError as error:
        raise RedisUnreachableError(f"Redis does not answer as it should: {error}") from error
