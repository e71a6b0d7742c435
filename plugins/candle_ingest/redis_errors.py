"""redis-py's exceptions, sorted by who acts on them."""

from collections.abc import Iterator
from contextlib import contextmanager

import redis

from candle_ingest.errors import ConfigurationError, TemporaryError


@contextmanager
def translate_redis_errors() -> Iterator[None]:
    """Turn what redis-py raises into ConfigurationError (password, rights) or TemporaryError (the rest)."""
    try:
        yield
    except (redis.AuthenticationError, redis.exceptions.NoPermissionError) as error:
        raise ConfigurationError(f"Redis refuses user or password of redis_default: {error}") from error
    except redis.RedisError as error:
        raise TemporaryError(f"Redis does not answer as it should: {error}") from error
