"""One exchange through ccxt: opened with its connection, each request retried and its answer checked."""

import logging
import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any, TypeVar
from urllib.parse import urlsplit

import ccxt
import tenacity

from candle_ingest import metrics
from candle_ingest.candles.timeframe import Timeframe
from candle_ingest.candles.window import format_ms
from candle_ingest.connections import ExchangeConnection, RedisClient
from candle_ingest.errors import CandleIngestError, ConfigurationError
from candle_ingest.exchanges.answer_date import answer_date_ms
from candle_ingest.exchanges.bounded_http import BoundedAdapter
from candle_ingest.exchanges.call_counter import CallCounter
from candle_ingest.exchanges.circuit_breaker import CircuitBreaker
from candle_ingest.exchanges.error_mapping import (
    ExchangeLimitedError,
    ExchangeTemporaryError,
    ExchangeUnavailableError,
    translate_errors,
)
from candle_ingest.exchanges.profiles import UNKNOWN_PROFILE, ExchangeProfile, exchange_profile
from candle_ingest.exchanges.rate_limit import ExchangePausedError, SharedRateLimit, limit_name
from candle_ingest.metric_catalogue import EXCHANGE_CALLS, EXCHANGE_ERRORS, EXCHANGE_RESPONSE

logger = logging.getLogger(__name__)
T = TypeVar("T")
Market = dict[str, Any]
# What a fetch needs to know of a market.
MARKET_KEYS = ("id", "symbol", "base", "quote", "baseId", "quoteId", "active")
REQUEST_TIMEOUT_MS = 20_000
ATTEMPTS = 5
FIRST_WAIT_SECONDS = 2.0
LONGEST_WAIT_SECONDS = 60
# Answers of exchanges far away; more threads than this gain nothing, as parsing takes turns.
USUAL_ANSWER_SECONDS = 0.3
MOST_THREADS = 6


class ExchangeClient:
    """A ccxt exchange object with the base URL, the keys and the limits that hold for it.

    With `redis_client` it shares with all tasks one rate budget, what the exchange asks for, and whether it is
    down; without, ccxt's own throttle holds. An `urgent` one goes before others that wait for the budget.

    Each request is tried up to five times, waiting as long as the exchange says or ever longer.
    """

    def __init__(
        self,
        connection: ExchangeConnection,
        *,
        delay_seconds: float = 0.0,
        redis_client: RedisClient | None = None,
        urgent: bool = False,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.exchange = connection.exchange
        self.facts: ExchangeProfile = exchange_profile(connection.exchange)
        self.api = _open(connection, self.facts)
        if self.facts is UNKNOWN_PROFILE:
            _warn_of_unknown_limits(connection.exchange, self.facts.rows_per_request)
        self._counter = CallCounter()
        self._connection = connection
        self._redis = redis_client
        self._urgent = urgent
        self._delay_seconds = delay_seconds
        self._sleep = sleep
        self._subject = "markets"
        rate_limit_ms = self.facts.rate_limit_ms or self.api.rateLimit
        # How long the limit makes a request for candles wait for the next one.
        self.call_seconds = self.facts.call_cost * rate_limit_ms / 1000
        self._limit: SharedRateLimit | None = None
        self._breaker: CircuitBreaker | None = None
        if redis_client is not None:
            name = limit_name(connection.exchange, connection.base_url)
            self._limit = SharedRateLimit(redis_client, name, rate_limit_ms, self.api.throttle, urgent=urgent)
            self._breaker = CircuitBreaker(redis_client, name, connection.exchange)
            self.api.throttle = self._limit

    @property
    def request_count(self) -> int:
        """The requests made so far, by its twins too."""
        return self._counter.value

    @property
    def worthwhile_threads(self) -> int:
        """How many requests at once it takes to use up the limit; one where the limit is not shared.

        ccxt's own throttle knows one object only: several would each have the whole limit. A pause before each
        request, which a user asked for, means one after the other too.
        """
        if self._limit is None or self._delay_seconds:
            return 1
        return max(1, min(MOST_THREADS, math.ceil(USUAL_ANSWER_SECONDS / self.call_seconds)))

    def twin(self) -> "ExchangeClient":
        """Another one of the same kind, for another thread. Both count their requests together."""
        other = ExchangeClient(
            self._connection,
            delay_seconds=self._delay_seconds,
            redis_client=self._redis,
            urgent=self._urgent,
            sleep=self._sleep,
        )
        other._counter = self._counter
        return other

    def spot_markets(self) -> list[Market]:
        """The spot markets, each with what a fetch needs of it, and whether it trades now (`active`)."""
        markets = self.request("its list of markets", self._load_markets)
        return [
            {key: market.get(key) is not False if key == "active" else market[key] for key in MARKET_KEYS}
            for market in markets.values()
            if market.get("spot")
        ]

    def _load_markets(self) -> dict[str, Market]:
        """ccxt takes any JSON without markets for an exchange that lists nothing, and symbols would be left out."""
        markets: dict[str, Market] = self.api.load_markets(True)
        if not markets:
            raise ExchangeTemporaryError(f"{self.exchange}: the answer lists no market at all")
        return markets

    def use_market(self, market: Market) -> None:
        """Let requests know this one market, so that the whole list need not be loaded."""
        self._subject = market["symbol"]
        self.api.set_markets([{**market, "spot": True, "type": "spot", "active": True}])

    def source_minutes(self, granularity_minutes: int) -> int:
        """The length of the candles to ask for: the granularity, or the largest one that divides it.

        Raises ConfigurationError where the exchange has none.
        """
        offered = set(self.api.timeframes or {}) - self.facts.misaligned_timeframes
        source = Timeframe(granularity_minutes).source(offered)
        if source is None:
            raise ConfigurationError(
                f"{self.exchange} has no candles that make up {Timeframe(granularity_minutes)} "
                f"(candle_granularity_minutes is {granularity_minutes}); it has {', '.join(sorted(offered))}"
            )
        return source.minutes

    def request(self, asked: str, ask: Callable[[], T]) -> T:
        """The answer to one request. Raises TemporaryError after five attempts, else PermanentError."""
        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(ExchangeTemporaryError),
            stop=tenacity.stop_after_attempt(ATTEMPTS),
            wait=_wait_seconds,
            sleep=self._sleep,
            before_sleep=_log_wait,
            reraise=True,
        )
        return retrying(self._ask_once, f"{self.exchange}, {asked}", ask)

    def answer_is_rows(self, asked: str) -> None:
        """Raise ExchangeTemporaryError unless the last answer was JSON with a list of rows in it.

        ccxt gives an empty list for an answer without rows: that would pass for "nobody traded".
        """
        rows, path = self.api.last_json_response, self.facts.rows_path
        for key in path or ():
            rows = rows.get(key) if isinstance(rows, dict) else None
        sound = rows is not None if path is None else isinstance(rows, self.facts.rows_type)
        if not sound:
            raise ExchangeTemporaryError(f"{self.exchange}, {asked}: the answer is not what its API describes")

    def answer_covers(self, asked: str, end_ms: int) -> None:
        """Raise ExchangeTemporaryError where, by the exchange's own clock, `end_ms` was still to come.

        A clock here that is ahead would take the candle in progress for closed, and minutes to come for quiet ones.
        An answer out of a cache may be that old too.
        """
        there_ms = answer_date_ms(self.api.last_response_headers)
        if there_ms is not None and there_ms < end_ms:
            raise ExchangeTemporaryError(
                f"{self.exchange}, {asked}: the answer is of {format_ms(there_ms)} by the exchange's clock, when "
                f"{format_ms(end_ms)} was still to come: set the clock of this machine"
            )

    def _ask_once(self, asked: str, ask: Callable[[], T]) -> T:
        if self._delay_seconds:
            self._sleep(self._delay_seconds)
        self.api.last_json_response = None
        if self._breaker is None or self._limit is None:
            return self._count_and_ask(asked, ask)
        self._breaker.enter()
        with self._told_to_all(self._breaker, self._limit):
            return self._count_and_ask(asked, ask)

    @contextmanager
    def _told_to_all(self, breaker: CircuitBreaker, limit: SharedRateLimit) -> Iterator[None]:
        """What comes of the request inside is shared with all tasks."""
        try:
            yield
        except ExchangePausedError:
            breaker.not_asked()
            raise
        except ExchangeUnavailableError as error:
            breaker.failed(self._subject, str(error))
            raise
        except CandleIngestError as error:
            if isinstance(error, ExchangeLimitedError):
                limit.pause(error.retry_after_seconds or FIRST_WAIT_SECONDS, str(error))
            # To refuse, or to answer what nobody can use, is to answer: the exchange is not down.
            breaker.answered()
            raise
        breaker.answered()

    def _count_and_ask(self, asked: str, ask: Callable[[], T]) -> T:
        self._counter.add_one()
        metrics.count(EXCHANGE_CALLS, exchange=self.exchange)
        try:
            with metrics.timed(EXCHANGE_RESPONSE, exchange=self.exchange), translate_errors(self.api, asked):
                return ask()
        except CandleIngestError:
            metrics.count(EXCHANGE_ERRORS, exchange=self.exchange)
            raise


@cache
def _warn_of_unknown_limits(exchange: str, rows: int) -> None:
    """Once in a process, as each of its tasks opens the exchange."""
    logger.warning(
        "%s: its limits and the ends of its ranges are not known here; it is asked for %d candles at a time, at ccxt's "
        "pace. Compare some of its candles before you rely on them",
        exchange,
        rows,
    )


def _open(connection: ExchangeConnection, facts: ExchangeProfile) -> Any:
    if connection.exchange not in ccxt.exchanges:
        raise ConfigurationError(
            f"ccxt {ccxt.__version__} knows no exchange {connection.exchange!r}; known are {', '.join(ccxt.exchanges)}"
        )
    defaults = {
        "enableRateLimit": True,
        "timeout": REQUEST_TIMEOUT_MS,
        "enableLastJsonResponse": True,
        "enableLastResponseHeaders": True,
        "options": dict(facts.ccxt_options),
        # The currency list is not needed, and costs a request or more.
        "has": {"fetchCurrencies": False},
    }
    api = getattr(ccxt, connection.exchange)(ccxt.Exchange.deep_extend(defaults, connection.config))
    if not api.has.get("fetchOHLCV"):
        raise ConfigurationError(f"{connection.exchange} serves no candles through ccxt; leave it out of exchanges")
    if connection.base_url:
        api.urls["api"] = _moved(api.urls["api"], connection.base_url)
    for scheme in ("http://", "https://"):
        api.session.mount(scheme, BoundedAdapter())
    # ccxt drops rows outside the window in silence; here each row is looked at, and counted.
    parse_all = api.parse_ohlcvs
    api.parse_ohlcvs = lambda rows, market=None, timeframe="1m", since=None, limit=None, tail=False: parse_all(
        rows, market, timeframe
    )
    return api


def _moved(urls: Any, base_url: str) -> Any:
    """The same URLs at another place: scheme, host and port are replaced, each URL's own path is kept."""
    if isinstance(urls, dict):
        return {key: _moved(value, base_url) for key, value in urls.items()}
    return base_url + urlsplit(urls).path


def _wait_seconds(state: tenacity.RetryCallState) -> float:
    error = state.outcome.exception() if state.outcome else None
    asked_for = getattr(error, "retry_after_seconds", None)
    if asked_for is not None and asked_for > LONGEST_WAIT_SECONDS and error is not None:
        # Longer than a task should sit and wait: Airflow tries again later.
        raise error
    grown: float = tenacity.wait_random_exponential(multiplier=FIRST_WAIT_SECONDS, max=LONGEST_WAIT_SECONDS)(state)
    return max(grown, asked_for or 0.0)


def _log_wait(state: tenacity.RetryCallState) -> None:
    error = state.outcome.exception() if state.outcome else None
    logger.warning("%s; attempt %d of %d, next in %.1f s", error, state.attempt_number, ATTEMPTS, state.upcoming_sleep)
