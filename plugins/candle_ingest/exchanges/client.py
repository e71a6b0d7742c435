"""The client of one exchange: the only caller of ccxt, with typed responses."""

import logging
import math
import random
import time
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any, TypeVar

from candle_ingest.candles.timeframe import Timeframe
from candle_ingest.candles.window import DAY_MS, Window, floor_ms
from candle_ingest.connections import ExchangeConnection, RedisClient
from candle_ingest.exchanges.answer_headers import answer_date_ms
from candle_ingest.exchanges.answers import MARKET_KEYS, Market, ParsedRows, RawAnswer, RowsAnswer, TradesAnswer
from candle_ingest.exchanges.call_pace import CallPace
from candle_ingest.exchanges.ccxt_api import open_ccxt
from candle_ingest.exchanges.error_mapping import ExchangeTemporaryError, translate_errors, unusable_answer
from candle_ingest.exchanges.profiles import UNKNOWN_PROFILE, ExchangeProfile, exchange_profile
from candle_ingest.exchanges.shared_gate import open_gate, usual_pace
from candle_ingest.exchanges.source_timeframe import choose_source
from candle_ingest.exchanges.trade_rows import parse_trades
from candle_ingest.exchanges.unusable_answer import is_not_json
from candle_ingest.exchanges.wire_rows import read_rows

logger = logging.getLogger(__name__)
A = TypeVar("A")
T = TypeVar("T")
USUAL_ANSWER_SECONDS = 0.3
# More threads gain nothing, as parsing is serialised.
MAX_THREADS = 6
DAY_MINUTES = 1440
# Each retry moves its range earlier, by a time within its own slice of ten seconds. In all that is less than the
# shortest candle, and little enough to include the candles of binance that opened 14.789 s late in 2018.
RETRY_SLICE_MS, RETRY_SLICES = 10_000, 4
TIME_SECONDS, TRADE_COUNT = 0, 7


class ExchangeClient:
    """An exchange with the base URL, keys and limits that apply to it.

    With `redis_client` it shares one rate budget with all tasks, any pauses that the exchange asks for, and whether it
    is down; without, ccxt's own throttle applies. An `urgent` client goes before others that wait for the budget.

    Each `fetch_…` passes the response to `check` and returns its result. If `check` raises ExchangeTemporaryError, the
    request is retried. All raise TemporaryError after five attempts, or PermanentError at once.
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
        self.profile: ExchangeProfile = exchange_profile(connection.exchange)
        self.connection = connection
        self._redis = redis_client
        self._urgent = urgent
        self._delay_seconds = delay_seconds
        self._sleep = sleep
        self._known_symbol = ""
        self._api = open_ccxt(connection, self.profile)
        if self.profile is UNKNOWN_PROFILE:
            _warn_of_unknown_limits(connection.exchange, self.profile.rows_per_request)
        self._usual_pace = usual_pace(self._api, connection, self.profile)
        self._gate = open_gate(
            self._api,
            connection,
            self.profile,
            redis_client=redis_client,
            urgent=urgent,
            delay_seconds=delay_seconds,
            sleep=sleep,
        )

    @property
    def request_count(self) -> int:
        """Return the number of requests made so far, including those of its twins."""
        return self._gate.counter.value

    @property
    def refusal_count(self) -> int:
        """Return how many of the requests the exchange refused as too many."""
        return self._gate.refusals.value

    @property
    def clock_ms(self) -> int:
        """Return when the exchange made its last response, by its own clock; 0 if nothing says so."""
        return answer_date_ms(self._api.last_response_headers) or 0

    def pace(self) -> CallPace:
        """Return how fast candles may be requested, including what tasks learnt from refusals."""
        return replace(self._usual_pace, slowdown=self._gate.slowdown())

    @property
    def worthwhile_threads(self) -> int:
        """Return how many parallel requests for a market use up the limit; one if it is not shared.

        ccxt's own throttle covers one object only: several would each use the whole limit. If a pause before each
        request is configured, requests run one after another too.
        """
        if self._redis is None or self._delay_seconds:
            return 1
        return max(1, min(MAX_THREADS, math.ceil(USUAL_ANSWER_SECONDS / self._usual_pace.sequential_seconds)))

    def twin(self) -> "ExchangeClient":
        """Return another client of the same kind for another thread. Both count their requests together."""
        other = ExchangeClient(
            self.connection,
            delay_seconds=self._delay_seconds,
            redis_client=self._redis,
            urgent=self._urgent,
            sleep=self._sleep,
        )
        other.profile = self.profile
        other._gate.counter, other._gate.refusals = self._gate.counter, self._gate.refusals
        return other

    def source_of(self, timeframe: Timeframe) -> Timeframe:
        """Return the timeframe to request. Raises TimeframeUnavailableError if the exchange has none."""
        return choose_source(self.exchange, self._api.timeframes or (), timeframe)

    def fetch_markets(self) -> list[Market]:
        """Return the spot markets, each with what a fetch needs, and whether it trades now (`active`).

        Never an empty list: ccxt treats any JSON without markets as an exchange that lists nothing.
        """
        request = f"{self.exchange}, its list of markets"

        def ask(attempt: int) -> list[Market]:
            self._known_symbol = ""
            self._api.load_markets(True)
            # By id, as a dark pool has the symbol of its pair and would replace it.
            listed = (market for same_id in self._api.markets_by_id.values() for market in same_id)
            return [_fetch_market(market) for market in listed if market.get("spot") and not self._is_dark(market)]

        def check(markets: list[Market]) -> list[Market]:
            if markets:
                return markets
            if is_not_json(self._api):
                raise unusable_answer(self._api, request, self.connection.base_url)
            raise ExchangeTemporaryError(f"{request}: the answer lists no spot market at all")

        return self._send(request, "markets", ask, check)

    def _is_dark(self, market: Market) -> bool:
        suffix = self.profile.dark_pool_suffix
        return bool(suffix) and str(market["id"]).endswith(suffix)

    def fetch_rows(self, market: Market, timeframe: Timeframe, window: Window, check: Callable[[RowsAnswer], T]) -> T:
        """Fetch the candles of a window in one request: at most `profile.rows_per_request`."""
        self._use_market(market)
        request = f"{self.exchange}, {describe_candles(market, timeframe, window)}"

        def ask(attempt: int) -> RowsAnswer:
            parsed = self._request_rows(market, timeframe, window, attempt)
            return read_rows(parsed, self.profile, self._made_ms(request))

        return self._send(request, market["symbol"], ask, check)

    def _request_rows(self, market: Market, timeframe: Timeframe, window: Window, attempt: int) -> ParsedRows:
        """Request once. A retry requests a range some seconds earlier, so that no cache repeats the refused response.

        Caches use the whole URL as their key (Cloudflare, default cache keys; it ignores `Cache-Control` in requests).
        The end moves, or the start where ccxt computes the end from it; either way the candles are the same.
        """
        earlier_ms = 0 if attempt == 1 else _earlier_ms(attempt)
        moves_end = self.profile.takes_until and not self.profile.ends_by_limit
        # The last second of the last candle, so that one that opens some seconds late is included.
        until_ms = window.end_ms + self.profile.spare_rows * timeframe.ms - 1000 - earlier_ms
        rows: ParsedRows = self._api.fetch_ohlcv(
            market["symbol"],
            timeframe.ccxt_name,
            since=window.start_ms - (0 if moves_end else earlier_ms),
            limit=timeframe.slots(window) + self.profile.spare_rows + (attempt > 1 and self.profile.ends_by_limit),
            params={"until": until_ms} if self.profile.takes_until else {},
        )
        return rows

    def inspect_rows(self, market: Market, timeframe: Timeframe, window: Window) -> RawAnswer:
        """Fetch the candles of a window in one request; return the response unchecked, with its headers."""
        self._use_market(market)
        request = f"{self.exchange}, {describe_candles(market, timeframe, window)}"

        def ask(attempt: int) -> RawAnswer:
            parsed = self._request_rows(market, timeframe, window, attempt)
            self._made_ms(request)
            headers = {key.lower(): value for key, value in (self._api.last_response_headers or {}).items()}
            return RawAnswer(parsed.rows, parsed.sent_rows, self._wire_rows(), headers)

        return self._send(request, market["symbol"], ask, lambda answer: answer)

    def _wire_rows(self) -> list[Any]:
        rows = self._api.last_json_response
        for key in self.profile.rows_path or ():
            rows = rows[key]
        # Kraken returns rows by market, next to the cursor `last`.
        return next(value for key, value in rows.items() if key != "last") if isinstance(rows, dict) else list(rows)

    def inspect_recent_trades(self, market: Market, count: int) -> list[tuple[int, float]]:
        """Return the newest trades as (time in ms, amount in base units), ascending, by ccxt's `fetch_trades`."""
        self._use_market(market)
        request = f"{self.exchange}, the last trades of {market['symbol']}"

        def ask(attempt: int) -> list[tuple[int, float]]:
            trades = self._api.fetch_trades(market["symbol"], None, count)
            return sorted((int(trade["timestamp"]), float(trade["amount"])) for trade in trades)

        return self._send(request, market["symbol"], ask, lambda trades: trades)

    def fetch_trades(self, market: Market, since_ns: int, count: int, check: Callable[[TradesAnswer], T]) -> T:
        """Fetch at most `count` trades after `since_ns` (kraken only)."""
        self._use_market(market)
        request = f"{self.exchange}, {market['symbol']} trades since {since_ns}"

        def ask(attempt: int) -> TradesAnswer:
            answer = self._api.publicGetTrades({"pair": market["id"], "since": str(since_ns), "count": count})
            made_ms = self._made_ms(request)
            return parse_trades(answer["result"][market["id"]], answer["result"]["last"], made_ms)

        return self._send(request, market["symbol"], ask, check)

    def fetch_trade_counts(self, market: Market, start_ms: int) -> dict[int, int]:
        """Return the number of trades of each day by its midnight UTC in ms (kraken only).

        The days are those since the one that contains `start_ms`, at most the last 720. Source: Kraken REST API, "Get
        OHLC Data": each entry ends in its number of trades; `since` is exclusive.
        """
        self._use_market(market)
        request = f"{self.exchange}, the days of {market['symbol']}"
        since = floor_ms(start_ms, DAY_MS) // 1000 - 1

        def ask(attempt: int) -> dict[int, int]:
            answer = self._api.publicGetOHLC({"pair": market["id"], "interval": DAY_MINUTES, "since": since})
            self._made_ms(request)
            rows = answer["result"][market["id"]]
            return {int(row[TIME_SECONDS]) * 1000: int(row[TRADE_COUNT]) for row in rows}

        return self._send(request, market["symbol"], ask, lambda counts: counts)

    def _send(self, request: str, subject: str, ask: Callable[[int], A], check: Callable[[A], T]) -> T:
        def translated(attempt: int) -> A:
            self._api.last_json_response = None
            with translate_errors(self._api, request, self.connection.base_url):
                return ask(attempt)

        return self._gate.send(subject, translated, check)

    def _use_market(self, market: Market) -> None:
        """Tell ccxt about this one market, so that it need not load the whole list."""
        if self._known_symbol != market["symbol"]:
            self._api.set_markets([{**market, "spot": True, "type": "spot", "active": True}])
            self._known_symbol = market["symbol"]

    def _made_ms(self, request: str) -> int | None:
        """Return when the last response was made. Raises ExchangeTemporaryError unless it was JSON with rows.

        ccxt returns an empty list for a response without rows, which would look like a time without trades.
        """
        rows, path = self._api.last_json_response, self.profile.rows_path
        for key in path or ():
            rows = rows.get(key) if isinstance(rows, dict) else None
        sound = rows is not None if path is None else isinstance(rows, self.profile.rows_type)
        if not sound:
            raise unusable_answer(self._api, request, self.connection.base_url)
        return answer_date_ms(self._api.last_response_headers)


def describe_candles(market: Market, timeframe: Timeframe, window: Window) -> str:
    """Return what a request is for, as errors name it: `BTC/USD 1m candles of […)`."""
    return f"{market['symbol']} {timeframe} candles of {window}"


def _earlier_ms(attempt: int) -> int:
    """Return a random shift of 1 to 40 seconds, in ms; the retries of a request differ, even in whole seconds."""
    return RETRY_SLICE_MS * (attempt % RETRY_SLICES) + random.randrange(1_000, RETRY_SLICE_MS)  # noqa: S311 - no secret


def _fetch_market(market: Market) -> Market:
    return {key: market.get(key) is not False if key == "active" else market[key] for key in MARKET_KEYS}


@cache
def _warn_of_unknown_limits(exchange: str, rows: int) -> None:
    """Warn once per process, although several tasks in it may open the exchange."""
    logger.warning(
        "%s: its limits and the ends of its ranges are not known here; it is asked for %d candles at a time, at ccxt's "
        "pace. Compare some of its candles before you rely on them",
        exchange,
        rows,
    )
