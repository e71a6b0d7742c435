"""Redis locks around read-modify-write cycles."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import redis

from candle_ingest.connections import RedisClient
from candle_ingest.servers.redis_errors import translate_redis_errors

LOCK_SECONDS = 120
WAIT_SECONDS = 300


@dataclass
class Held:
    """Whether the locks were still held when the work was done; known only after the block."""

    lost: bool = False


@contextmanager
def held_locks(client: RedisClient, names: Sequence[str]) -> Iterator[Held]:
    """Hold all locks `candle_ingest:lock:<name>` in the block; every task takes them in the same order.

    A lock that expires because the work takes longer than its lifetime is not an error: `lost` reports it, and the
    caller repeats its work from a fresh read. Raises TemporaryError if a lock cannot be acquired in time.
    """
    held = Held()
    with ExitStack() as stack:
        stack.enter_context(translate_redis_errors())
        for name in sorted(set(names)):
            lock = client.lock(
                f"candle_ingest:lock:{name}", timeout=LOCK_SECONDS, blocking_timeout=WAIT_SECONDS, sleep=0.02
            )
            if not lock.acquire():
                raise redis.exceptions.LockError(f"candle_ingest:lock:{name} was not free within {WAIT_SECONDS} s")
            stack.callback(_release, lock, held)
        yield held


def _release(lock: redis.lock.Lock, held: Held) -> None:
    try:
        lock.release()
    except redis.exceptions.LockNotOwnedError:
        held.lost = True
