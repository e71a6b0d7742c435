"""One rate budget for each exchange, shared by all tasks on all machines through Redis (GCRA).

What an exchange asks for (`Retry-After`, a ban) is kept there too, so that all tasks obey it.
"""

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

from candle_ingest.connections import RedisClient
from candle_ingest.errors import TemporaryError

logger = logging.getLogger(__name__)
# Redis counts whole units; ccxt's costs go down to tenths.
UNITS_PER_COST = 10
# GCRA grants burst and rate together in the first second: a quarter of a second's worth keeps that harmless.
BURST_SECONDS = 0.25
# Room for the dearest request of a slow exchange: 1.2 on kraken.
LEAST_BURST_COST = 2
SHORTEST_WAIT_SECONDS = 0.01
# A pause that is longer than a task should sit through: Airflow tries again later.
LONGEST_PAUSE_SECONDS = 60
# How long others hold back after an urgent task had to wait, beyond that wait.
URGENT_SECONDS = 0.25
GIVE_WAY_SECONDS = 0.05
_CONNECTION_KEYS = ("host", "port", "db", "username", "password", "socket_timeout", "socket_connect_timeout")
# Everything in Redis begins so, that one ACL rule, ~candle_ingest:*, is enough.
KEY_PREFIX = "candle_ingest"


class ExchangePausedError(TemporaryError):
    """The exchange has told another task to wait, for longer than this one should."""

    name = "exchange-paused"
    cause = "The exchange has asked for a pause of more than a minute (`Retry-After`, or a ban), and all tasks obey."
    cure = "Airflow retries. If it comes again, another program on this address sends requests to the exchange too."
    example = "binance: the exchange has asked to be left alone for 120 s more, and all tasks obey: HTTP 418"


class SharedRateLimit:
    """Stands in for ccxt's own throttle: waits until the budget of all tasks has room for a request.

    `rate_limit_ms` is the time that one unit of cost takes, as in ccxt's `rateLimit`. With `each_costs` no request
    costs less, and none is made before its time. While an `urgent` task has
    to wait, all others hold back. Without a usable Redis `fallback`, ccxt's own throttle, takes over for the rest
    of the task; it knows this process only.
    """

    def __init__(
        self,
        client: RedisClient,
        name: str,
        rate_limit_ms: float,
        fallback: Callable[[float], None],
        *,
        urgent: bool = False,
        each_costs: float | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._redis = client
        self._key = name
        self._pause_key = f"{KEY_PREFIX}:pause:{name}"
        self._urgent_key = f"{KEY_PREFIX}:urgent:{name}"
        self._least_cost = each_costs or 0.0
        usual_burst = max(
            LEAST_BURST_COST * UNITS_PER_COST, math.floor(UNITS_PER_COST * 1000 * BURST_SECONDS / rate_limit_ms)
        )
        self._burst_units = math.ceil(each_costs * UNITS_PER_COST) if each_costs else usual_burst
        self._limiter = Throttled(
            using=RateLimiterType.GCRA.value,
            # throttled-py counts in whole seconds: a minute's worth keeps fractions of a second apart.
            quota=per_min(max(1, math.floor(UNITS_PER_COST * 60_000 / rate_limit_ms)), self._burst_units),
            store=_store(client),
            key_prefix=f"{KEY_PREFIX}:rate",
        )
        self._fallback = fallback
        self._shared = True
        self._urgent = urgent
        self._sleep = sleep

    def __call__(self, cost: float = 1) -> None:
        """Wait until a request of this cost may be made. Raises ExchangePausedError where that takes too long."""
        if not self._shared:
            return self._fallback(cost)
        units = math.ceil(max(float(cost or 1), self._least_cost) * UNITS_PER_COST)
        try:
            while units > 0:
                # A request that costs more than the burst would never be granted at once.
                part = min(self._burst_units, units)
                while (wait_seconds := self._turn(part)) > 0:
                    self._sleep(wait_seconds)
                units -= part
        except (redis.RedisError, BaseThrottledError) as error:
            self._stop_sharing(error)
            self._fallback(cost)

    def pause(self, seconds: float, reason: str) -> None:
        """Let all tasks wait so long, because the exchange has asked for it."""
        milliseconds = math.ceil(seconds * 1000)
        try:
            if self._shared and self._redis.pttl(self._pause_key) < milliseconds:
                self._redis.set(self._pause_key, reason, px=milliseconds)
        except redis.RedisError as error:
            self._stop_sharing(error)

    def _turn(self, units: int) -> float:
        """Take part of the budget and return 0, or return how many seconds to wait before the next try."""
        with self._redis.pipeline(transaction=False) as pipeline:
            pause_ms, others_first, reason = (
                pipeline.pttl(self._pause_key).exists(self._urgent_key).get(self._pause_key).execute()
            )
        if pause_ms > LONGEST_PAUSE_SECONDS * 1000:
            raise ExchangePausedError(
                f"the exchange has asked to be left alone for {pause_ms / 1000:.0f} s more, and all tasks obey: "
                f"{_text(reason)}"
            )
        if pause_ms > 0:
            return float(pause_ms) / 1000
        if others_first and not self._urgent:
            return GIVE_WAY_SECONDS
        result = self._limiter.limit(self._key, cost=units)
        if not result.limited:
            return 0.0
        wait_seconds = max(SHORTEST_WAIT_SECONDS, result.state.retry_after)
        if self._urgent:
            self._redis.set(self._urgent_key, "1", px=math.ceil((wait_seconds + URGENT_SECONDS) * 1000))
        return wait_seconds

    def _stop_sharing(self, error: Exception) -> None:
        logger.warning("No shared rate limit, ccxt's own throttle serves for this task: %s", error)
        self._shared = False


def limit_name(exchange: str, base_url: str | None) -> str:
    """Return what the Redis keys of an exchange end in: apart for each base URL, as a simulator is not the exchange."""
    place = hashlib.sha256(base_url.encode()).hexdigest()[:12] if base_url else "public"
    return f"{exchange}:{place}"


def _text(value: bytes | str | None) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else value or ""


def _store(client: RedisClient) -> RedisStore:
    """Return a store for throttled-py, which opens its own connections: to the place and with the secrets of `client`.

    The URL names no place: what it names would win, and an IPv6 address would have to be written into it.
    """
    known: dict[str, Any] = client.connection_pool.connection_kwargs
    secure = issubclass(client.connection_pool.connection_class, redis.SSLConnection)
    kwargs = {key: known[key] for key in known if key in _CONNECTION_KEYS or (secure and key.startswith("ssl_"))}
    return RedisStore(
        server="rediss://" if secure else "redis://",
        options={"CONNECTION_POOL_KWARGS": kwargs, "REUSE_CONNECTION": False},
    )
