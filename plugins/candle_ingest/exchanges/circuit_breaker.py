"""Detect once, for all tasks, that an exchange is down; shared through Redis.

After a few failures in a row, on at least two markets, no task sends requests for a while; then one of them tries. The
libraries for this are not used because they let every process try at the same time.
"""

import logging
from collections.abc import Callable
from typing import TypeVar

import redis

from candle_ingest.connections import RedisClient
from candle_ingest.errors import TemporaryError
from candle_ingest.plurals import counted

logger = logging.getLogger(__name__)
T = TypeVar("T")
FAILURES_TO_OPEN = 5
# Failures on a single market say nothing about the exchange.
MARKETS_TO_OPEN = 2
FAILURES_COUNT_FOR_MS = 300_000
REST_MS = 30_000
# Longer than a request, including all its waits.
PROBE_MS = 60_000
FORGOTTEN_AFTER_MS = 600_000


class ExchangeDownError(TemporaryError):
    """Other tasks have found the exchange down; this one made no request."""

    name = "exchange-down"
    cause = "Other tasks found that the exchange does not answer. One task tries it now and then, and the others wait."
    cure = "Airflow retries, and repair fetches what stays open. `candle-ingest exchanges` shows how it answers."
    example = "kraken does not answer; one task will try again in 30 s: HTTP 503"


class CircuitBreaker:
    """What all tasks together know about one exchange. Call `enter` before a request, then `failed` or the like."""

    def __init__(self, client: RedisClient, name: str, exchange: str) -> None:
        self._redis = client
        self._exchange = exchange
        keys = ("failures", "down", "rest", "probe")
        self._failures, self._down, self._rest, self._probe = (f"candle_ingest:{key}:{name}" for key in keys)
        self._had_failures = False
        self._probing = False
        self._shared = True

    def enter(self) -> None:
        """Raise ExchangeDownError while requests to the exchange are suspended, or another task is trying it."""
        self._safely(self._enter)

    def failed(self, market: str, reason: str) -> None:
        """Record that the exchange did not answer a request for this market."""
        self._safely(lambda: self._failed(market, reason))

    def answered(self) -> None:
        """Record that the exchange answered, so that earlier failures no longer count."""
        if self._had_failures:
            self._safely(lambda: self._redis.delete(self._failures, self._down, self._rest, self._probe))
            self._had_failures = False

    def not_sent(self) -> None:
        """Record that no request was made after all, so that another task may try."""
        if self._probing:
            self._safely(lambda: self._redis.delete(self._probe))

    def _enter(self) -> None:
        self._probing = False
        with self._redis.pipeline(transaction=False) as pipeline:
            reason, rest_ms, failures = pipeline.get(self._down).pttl(self._rest).exists(self._failures).execute()
        self._had_failures = bool(reason or failures)
        if reason is None:
            return
        if rest_ms <= 0 and self._redis.set(self._probe, "1", nx=True, px=PROBE_MS):
            self._probing = True
            logger.info("%s was down: this task checks whether it answers again", self._exchange)
            return
        when = f"in {rest_ms / 1000:.0f} s" if rest_ms > 0 else "now"
        said = reason.decode() if isinstance(reason, bytes) else reason
        raise ExchangeDownError(f"{self._exchange} does not answer; one task will try again {when}: {said}")

    def _failed(self, market: str, reason: str) -> None:
        self._had_failures = True
        with self._redis.pipeline(transaction=True) as pipeline:
            pipeline.hincrby(self._failures, market, 1).pexpire(self._failures, FAILURES_COUNT_FOR_MS)
            known, was_down = pipeline.hvals(self._failures).exists(self._down).execute()[2:]
        in_a_row = sum(int(count) for count in known)
        if was_down or (in_a_row >= FAILURES_TO_OPEN and len(known) >= MARKETS_TO_OPEN):
            with self._redis.pipeline(transaction=True) as pipeline:
                pipeline.set(self._down, reason[:300], px=FORGOTTEN_AFTER_MS)
                pipeline.set(self._rest, "1", px=REST_MS).delete(self._probe).execute()
            logger.warning(
                "%s is down, %s in a row: no task sends it requests for %d s, then one tries",
                self._exchange, counted(in_a_row, "failure"), REST_MS // 1000,
            )  # fmt: skip

    def _safely(self, act: Callable[[], T]) -> None:
        """Run `act`; without Redis, each task finds out for itself."""
        if not self._shared:
            return
        try:
            act()
        except (redis.RedisError, ValueError) as error:
            # ValueError: another program's value under these keys.
            logger.warning("%s: this task cannot share whether the exchange is down: %s", self._exchange, error)
            self._shared = False
