"""The one gate that every request to an exchange passes: delay, circuit breaker, limit, retry, metrics."""

import itertools
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import tenacity

from candle_ingest.errors import CandleIngestError
from candle_ingest.exchanges.call_counter import CallCounter
from candle_ingest.exchanges.circuit_breaker import CircuitBreaker
from candle_ingest.exchanges.error_mapping import (
    ExchangeLimitedError,
    ExchangeTemporaryError,
    ExchangeUnavailableError,
    UnconfirmedAnswerError,
)
from candle_ingest.exchanges.rate_limit import ExchangePausedError, SharedRateLimit
from candle_ingest.metrics import emit
from candle_ingest.metrics.catalogue import EXCHANGE_CALLS, EXCHANGE_ERRORS, EXCHANGE_RESPONSE

logger = logging.getLogger(__name__)
A = TypeVar("A")
T = TypeVar("T")
ATTEMPTS = 5
FIRST_WAIT_SECONDS = 2.0
MAX_WAIT_SECONDS = 60
# After this many failed requests in a row the cause is not one market, and the others must not wait for its retries.
FAILURES_IN_A_ROW = 3


class _OwnFaultError(Exception):
    """Carries one of this package's errors, as its cause, through ccxt."""


class RequestGate:
    """Passes requests to one exchange one after another, and shares their outcomes with all tasks.

    Without `limit` and `breaker` nothing is shared. Each request is tried up to five times, waiting as long as the
    exchange asks, or else exponentially longer. After three requests in a row that failed in all attempts, each further
    one is tried once, until one succeeds. With a wrong clock or a stuck cache, for example, every market fails, and a
    batch of hundreds would keep its task busy for hours.
    """

    def __init__(
        self,
        exchange: str,
        *,
        limit: SharedRateLimit | None,
        breaker: CircuitBreaker | None,
        delay_seconds: float = 0.0,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.counter = CallCounter()
        self.refusals = CallCounter()
        self._exchange = exchange
        self._limit = limit
        self._breaker = breaker
        self._delay_seconds = delay_seconds
        self._sleep = sleep
        self._subject = ""
        self._failures_in_a_row = 0

    def send(self, subject: str, ask: Callable[[int], A], check: Callable[[A], T]) -> T:
        """Return the result of `check` for the response of `ask`, which gets the number of the attempt, from 1.

        `subject` is the market of the request, which may have its own limit. Raises TemporaryError after the last
        attempt, and other errors at once.
        """
        attempts = itertools.count(1)
        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(ExchangeTemporaryError),
            stop=self._is_last,
            wait=_wait_seconds,
            sleep=self._sleep,
            before_sleep=_log_wait,
            reraise=True,
        )
        try:
            answer = retrying(lambda: self._attempt(subject, lambda: self._measured(ask, next(attempts), check)))
        except ExchangeTemporaryError:
            self._failures_in_a_row += 1
            raise
        self._failures_in_a_row = 0
        return answer

    def slowdown(self) -> float:
        """Return the current factor on the usual time between two requests; 1 if the limit is not shared."""
        return self._limit.slowdown() if self._limit else 1.0

    def throttle(self, cost: float) -> None:
        """Wait until the limit of all tasks has room; ccxt calls this before each request."""
        if self._limit is None:
            return
        try:
            self._limit(cost, self._subject)
        except CandleIngestError:
            raise
        except Exception as error:
            # Raised inside ccxt, it would be taken for an unexpected response.
            raise _OwnFaultError from error

    def _is_last(self, state: tenacity.RetryCallState) -> bool:
        if self._failures_in_a_row < FAILURES_IN_A_ROW:
            return state.attempt_number >= ATTEMPTS
        error = state.outcome.exception() if state.outcome else None
        return state.attempt_number >= (2 if isinstance(error, UnconfirmedAnswerError) else 1)

    def _attempt(self, subject: str, ask: Callable[[], T]) -> T:
        self._subject = subject
        if self._delay_seconds:
            self._sleep(self._delay_seconds)
        if self._breaker is None or self._limit is None:
            return ask()
        self._breaker.enter()
        with self._sharing_outcome(self._breaker, self._limit, subject):
            return ask()

    @contextmanager
    def _sharing_outcome(self, breaker: CircuitBreaker, limit: SharedRateLimit, subject: str) -> Iterator[None]:
        """Share the outcome of the request in the block with all tasks."""
        try:
            yield
        except ExchangePausedError:
            breaker.not_sent()
            raise
        except ExchangeUnavailableError as error:
            breaker.failed(subject, str(error))
            raise
        except CandleIngestError as error:
            if isinstance(error, ExchangeLimitedError):
                limit.refused(error.retry_after_seconds, str(error))
            # An error response still proves that the exchange is up.
            breaker.answered()
            raise
        breaker.answered()

    def _measured(self, ask: Callable[[int], A], attempt: int, check: Callable[[A], T]) -> T:
        self.counter.add_one()
        emit.count(EXCHANGE_CALLS, exchange=self._exchange)
        try:
            with emit.timed(EXCHANGE_RESPONSE, exchange=self._exchange):
                answer = ask(attempt)
            return check(answer)
        except _OwnFaultError as fault:
            raise fault.__cause__ or fault from None
        except CandleIngestError as error:
            if isinstance(error, ExchangeLimitedError):
                self.refusals.add_one()
            emit.count(EXCHANGE_ERRORS, exchange=self._exchange)
            raise


def _wait_seconds(state: tenacity.RetryCallState) -> float:
    error = state.outcome.exception() if state.outcome else None
    if isinstance(error, UnconfirmedAnswerError):
        return 0.0
    asked_for = getattr(error, "retry_after_seconds", None)
    if asked_for is not None and asked_for > MAX_WAIT_SECONDS and error is not None:
        # Longer than a task should wait for: Airflow retries later.
        raise error
    grown: float = tenacity.wait_random_exponential(multiplier=FIRST_WAIT_SECONDS, max=MAX_WAIT_SECONDS)(state)
    return max(grown, asked_for or 0.0)


def _log_wait(state: tenacity.RetryCallState) -> None:
    error = state.outcome.exception() if state.outcome else None
    level = logging.DEBUG if isinstance(error, UnconfirmedAnswerError) else logging.WARNING
    logger.log(
        level, "%s; attempt %d of %d, next in %.1f s", error, state.attempt_number, ATTEMPTS, state.upcoming_sleep
    )
