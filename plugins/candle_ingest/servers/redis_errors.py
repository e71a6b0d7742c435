"""redis-py's exceptions, sorted by who acts on them."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

import redis

from candle_ingest.errors.servers import RedisRefusedError, RedisUnreachableError

# What the package needs of a Redis user; the list of symbols is read only.
ACL_RULES = "~candle_ingest:* ~<key of the symbols> +@read +@write +@scripting +@transaction +@connection +time"


@contextmanager
def translate_redis_errors() -> Iterator[None]:
    """Turn what redis-py raises into RedisRefusedError (rights, replica) or RedisUnreachableError (the rest)."""
    try:
        yield
    except redis.exceptions.NoPermissionError as error:
        raise RedisRefusedError(
            f"the Redis user of redis_default may not do this: {error}. Its ACL lacks {_missing_rule(str(error))}; all "
            f"that is needed: {ACL_RULES}"
        ) from error
    except redis.AuthenticationError as error:
        raise RedisRefusedError(f"Redis refuses user or password of redis_default: {error}") from error
    except redis.exceptions.ReadOnlyError as error:
        raise RedisRefusedError(
            f"the Redis of redis_default is a read-only replica: give the address of its primary ({error})"
        ) from error
    except redis.RedisError as error:
        raise RedisUnreachableError(f"Redis does not answer as it should: {error}") from error


def _missing_rule(text: str) -> str:
    """Return the rule that a refusal asks for (Redis: "no permissions to run the 'set' command", or "… keys …")."""
    command = re.search(r"'([\w|-]+)' command", text)
    return f"+{command[1]}" if command else "~candle_ingest:*, or ~ and the key of the symbols"
