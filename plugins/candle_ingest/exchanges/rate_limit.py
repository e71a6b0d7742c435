"""One rate budget per exchange, shared by all tasks on all machines through Redis (GCRA).

Pauses that the exchange asks for (`Retry-After`, a ban) are kept there too, so that all tasks obey them.
"""

import hashlib
import logging
import math
import time
from collections.abc import Callable

import redis

from candle_ingest.connections import RedisClient
from candle_ingest.errors import TemporaryError
from candle_ingest.exchanges.request_budget import Budget, RequestBudgets
from candle_ingest.exchanges.shared_pace import KEY as PACE_KEY
from candle_ingest.exchanges.shared_pace import clock_ms, learn_from_refusal, pace_from_text, read_pace

logger = logging.getLogger(__name__)
# GCRA grants burst plus rate in the first second: a burst of a quarter second keeps that harmless.
BURST_SECONDS = 0.25
# Room for the most expensive request of a slow exchange.
MIN_BURST_COST = 2
# A page and one retry of it.
MARKET_BURST = 2
MIN_WAIT_SECONDS = 0.01
# A pause longer than a task should wait for: Airflow retries later.
MAX_PAUSE_SECONDS = 60
# After a refusal that does not say for how long. Kraken restricts "for a few seconds (or possibly longer if calls
# continue to be made)" (support.kraken.com, What are the API rate limits?).
REFUSED_PAUSE_SECONDS = 5.0
# How much longer than an urgent task's own wait the others hold back.
URGENT_SECONDS = 0.25
GIVE_WAY_SECONDS = 0.05
# A Redis timeout may pass: it is retried before the limit counts as not shared, and again after a while.
TRIES = 3
RETRY_SECONDS = 0.5
UNSHARED_SECONDS = 30.0
# All keys in Redis begin with this, so that one ACL rule, ~candle_ingest:*, is enough.
KEY_PREFIX = "candle_ingest"


class ExchangePausedError(TemporaryError):
    """The exchange has told another task to wait, for longer than this one should."""

    name = "exchange-paused"
    cause = "The exchange has asked for a pause of more than a minute (`Retry-After`, or a ban), and all tasks obey."
    cure = "Airflow retries. If it happens again, another program at this address sends requests to the exchange too."
    example = "binance: the exchange has asked for another 120 s without requests, and all tasks obey: HTTP 418"


class SharedRateLimit:
    """Replaces ccxt's own throttle: waits until the budget of all tasks has room for a request.

    `rate_limit_ms` is the time that one unit of cost takes, as in ccxt's `rateLimit`, and `market_seconds` the time
    between two requests for the same market where the exchange counts those apart. With `least_cost` no request costs
    less, and there are no bursts. A slower pace that refusals have taught applies to all tasks. While an `urgent` task
    has to wait, all others that need the same budget hold back. Without a usable Redis `fallback`, ccxt's own throttle,
    takes over for half a minute at a time; it knows this process only.
    """

    def __init__(
        self,
        client: RedisClient,
        name: str,
        rate_limit_ms: float,
        fallback: Callable[[float], None],
        *,
        urgent: bool = False,
        least_cost: float | None = None,
        market_seconds: float = 0.0,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._redis = client
        self._name = name
        self._budgets = RequestBudgets(client)
        self._pause_key = f"{KEY_PREFIX}:pause:{name}"
        self._unit_seconds = rate_limit_ms / 1000
        self._least_cost = least_cost or 0.0
        usual_burst = max(MIN_BURST_COST * self._unit_seconds, BURST_SECONDS)
        self._burst_seconds = least_cost * self._unit_seconds if least_cost else usual_burst
        self._market_seconds = market_seconds
        self._fallback = fallback
        self._shared_from_seconds = 0.0
        self._urgent = urgent
        self._sleep = sleep

    def __call__(self, cost: float = 1, market: str = "") -> None:
        """Wait until a request of this cost may be made. Raises ExchangePausedError if that takes too long."""
        if not self._took_turn(float(cost or 1), market):
            self._fallback(cost)

    def _took_turn(self, cost: float, market: str) -> bool:
        """Wait for a turn of the shared limit; return False if Redis does not answer after some tries."""
        for left in reversed(range(TRIES)):
            if not self._is_shared:
                return False
            try:
                while (wait_seconds := self._turn(cost, market)) > 0:
                    self._sleep(wait_seconds)
                return True
            except redis.RedisError as error:
                if left:
                    logger.warning("Redis has failed, and the shared rate limit is tried again: %s", error)
                    self._sleep(RETRY_SECONDS)
                else:
                    self._stop_sharing(error)
        return False

    def refused(self, retry_after_seconds: float | None, reason: str) -> None:
        """Slow all tasks down and make them wait as long as the exchange asks, after it refused a request."""
        if not self._is_shared:
            return
        try:
            slowdown = learn_from_refusal(self._redis, self._name).slowdown
            self._pause(retry_after_seconds or REFUSED_PAUSE_SECONDS * slowdown, reason)
        except redis.RedisError as error:
            self._stop_sharing(error)
        else:
            logger.warning(
                "%s: the time between two requests is %.1f times the usual one now, for all tasks, after: %s",
                self._name.partition(":")[0], slowdown, reason,
            )  # fmt: skip

    def slowdown(self) -> float:
        """Return the current factor on the usual time between two requests."""
        try:
            return read_pace(self._redis, self._name)[1] if self._is_shared else 1.0
        except redis.RedisError as error:
            self._stop_sharing(error)
            return 1.0

    def _pause(self, seconds: float, reason: str) -> None:
        milliseconds = math.ceil(seconds * 1000)
        if self._redis.pttl(self._pause_key) < milliseconds:
            self._redis.set(self._pause_key, reason, px=milliseconds)

    def _turn(self, cost: float, market: str) -> float:
        """Take a request from the budgets and return 0, or return the seconds to wait before the next try."""
        ends = [self._name, f"{self._name}:{market}"] if market and self._market_seconds else [self._name]
        held_seconds, slowdown = self._held_back(ends)
        if held_seconds > 0:
            return held_seconds
        wait_seconds, slowest = self._budgets.take(self._shares(ends, max(cost, self._least_cost), slowdown))
        if wait_seconds <= 0:
            return 0.0
        wait_seconds = max(MIN_WAIT_SECONDS, wait_seconds)
        if self._urgent:
            urgent_ms = math.ceil((wait_seconds + URGENT_SECONDS) * 1000)
            self._redis.set(f"{KEY_PREFIX}:urgent:{ends[slowest]}", "1", px=urgent_ms)
        return wait_seconds

    def _held_back(self, ends: list[str]) -> tuple[float, float]:
        """Return how many seconds a pause or an urgent task holds this one back, and the learnt slowdown."""
        with self._redis.pipeline(transaction=False) as pipeline:
            pipeline.pttl(self._pause_key).get(self._pause_key).get(PACE_KEY.format(self._name)).time()
            pause_ms, reason, learnt, now, others_first = pipeline.exists(
                *(f"{KEY_PREFIX}:urgent:{end}" for end in ends)
            ).execute()
        if pause_ms > MAX_PAUSE_SECONDS * 1000:
            raise ExchangePausedError(
                f"the exchange has asked for another {pause_ms / 1000:.0f} s without requests, and all tasks obey: "
                f"{_text(reason)}"
            )
        slowdown = pace_from_text(learnt).slowdown_at(clock_ms(now))
        if pause_ms > 0:
            return float(pause_ms) / 1000, slowdown
        return GIVE_WAY_SECONDS if others_first and not self._urgent else 0.0, slowdown

    def _shares(self, ends: list[str], cost: float, slowdown: float) -> list[Budget]:
        """Return what a request takes from the budget of the exchange, and from that of its market."""
        spans = [(cost * self._unit_seconds, self._burst_seconds)]
        spans.append((self._market_seconds, MARKET_BURST * self._market_seconds))
        return [
            Budget(f"{KEY_PREFIX}:rate:{end}", span * slowdown, burst * slowdown)
            for end, (span, burst) in zip(ends, spans, strict=False)
        ]

    def _stop_sharing(self, error: Exception) -> None:
        logger.warning("No shared rate limit: this task uses ccxt's own throttle for %d s: %s", UNSHARED_SECONDS, error)
        self._shared_from_seconds = time.monotonic() + UNSHARED_SECONDS

    @property
    def _is_shared(self) -> bool:
        return time.monotonic() >= self._shared_from_seconds


def limit_name(exchange: str, base_url: str | None) -> str:
    """Return the suffix of an exchange's Redis keys: one per base URL, as a simulator is not the exchange."""
    place = hashlib.sha256(base_url.encode()).hexdigest()[:12] if base_url else "public"
    return f"{exchange}:{place}"


def _text(value: bytes | str | None) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else value or ""
