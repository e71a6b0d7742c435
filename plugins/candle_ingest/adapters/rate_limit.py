"""One rate budget for each exchange, shared by all tasks on all machines through Redis (GCRA)."""

import hashlib
import logging
import math
import time
from collections.abc import Callable
from typing import Any

import redis
from throttled import RateLimiterType, Throttled
from throttled.exceptions import BaseThrottledError
from throttled.rate_limiter import per_min
from throttled.store import RedisStore

from candle_ingest.adapters.connections import RedisClient

logger = logging.getLogger(__name__)
# Redis counts whole units; ccxt's costs go down to tenths.
UNITS_PER_COST = 10
# GCRA grants burst and rate together in the first second: a quarter of a second's worth keeps that harmless.
BURST_SECONDS = 0.25
# Room for the dearest request of a slow exchange: 1.2 on kraken.
LEAST_BURST_COST = 2
SHORTEST_WAIT_SECONDS = 0.01
_CONNECTION_KEYS = ("username", "password", "socket_timeout", "socket_connect_timeout")


class SharedRateLimit:
    """Stands in for ccxt's own throttle: waits until the budget of all tasks has room for a request.

    `rate_limit_ms` is the time that one unit of cost takes, as in ccxt's `rateLimit`. Without a usable Redis
    `fallback`, ccxt's own throttle, takes over for the rest of the task; it knows this process only.
    """

    def __init__(
        self,
        client: RedisClient,
        name: str,
        rate_limit_ms: float,
        fallback: Callable[[float], None],
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._key = name
        self._burst_units = max(
            LEAST_BURST_COST * UNITS_PER_COST, math.floor(UNITS_PER_COST * 1000 * BURST_SECONDS / rate_limit_ms)
        )
        self._limiter = Throttled(
            using=RateLimiterType.GCRA.value,
            # throttled-py reckons in whole seconds: a minute's worth keeps fractions of a second apart.
            quota=per_min(math.floor(UNITS_PER_COST * 60_000 / rate_limit_ms), self._burst_units),
            store=_store(client),
        )
        self._fallback = fallback
        self._shared = True
        self._sleep = sleep

    def __call__(self, cost: float = 1) -> None:
        """Wait until a request of this cost may be made."""
        if not self._shared:
            return self._fallback(cost)
        # A request that costs more than the burst would never be granted.
        units = min(self._burst_units, math.ceil(float(cost or 1) * UNITS_PER_COST))
        try:
            while (result := self._limiter.limit(self._key, cost=units)).limited:
                self._sleep(max(SHORTEST_WAIT_SECONDS, result.state.retry_after))
        except (redis.RedisError, BaseThrottledError) as error:
            logger.warning("No shared rate limit, ccxt's own throttle serves for this task: %s", error)
            self._shared = False
            self._fallback(cost)


def limit_name(exchange: str, base_url: str | None) -> str:
    """The Redis key of a budget: apart for each base URL, as a simulator's budget is not the exchange's."""
    place = hashlib.sha256(base_url.encode()).hexdigest()[:12] if base_url else "public"
    return f"candle_ingest:rate:{exchange}:{place}"


def _store(client: RedisClient) -> RedisStore:
    """throttled-py opens its own connections: give it the place and the secrets of `client`."""
    known: dict[str, Any] = client.connection_pool.connection_kwargs
    secure = issubclass(client.connection_pool.connection_class, redis.SSLConnection)
    kwargs = {key: known[key] for key in known if key in _CONNECTION_KEYS or (secure and key.startswith("ssl_"))}
    server = f"{'rediss' if secure else 'redis'}://{known['host']}:{known['port']}/{known.get('db') or 0}"
    return RedisStore(server=server, options={"CONNECTION_POOL_KWARGS": kwargs, "REUSE_CONNECTION": False})
