"""Gate spot (Gate API v4 docs: Market K-line chart, Query all supported currency pairs, Rate limit).

Its docs do not say that only the last 10,000 candles are served; the API's error says so when older ones are requested.
"""

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from dev.exchange_simulator.exchanges.base import (
    Answer,
    Exchange,
    RefusedError,
    Request,
    Route,
    integer,
    row_text,
    step,
)
from dev.exchange_simulator.hashing import Ints
from dev.exchange_simulator.markets import Market
from dev.exchange_simulator.mutations import Columns
from dev.exchange_simulator.rate_limits import FixedWindow, Verdict
from dev.exchange_simulator.served_rows import CandleRow
from dev.exchange_simulator.timeframes import duration_ms

# 1s and 10s are offered too; the synthetic market has nothing finer than a minute. 7d counts from 1970-01-01.
INTERVALS = {
    "1m": "1m", "5m": "5m", "15m": "15m", "30m": "30m", "1h": "1h", "2h": "2h", "4h": "4h", "8h": "8h",
    "1d": "1d", "7d": "7d", "30d": "1M",
}  # fmt: skip
_MAX_ROWS, _DEFAULT_ROWS = 1000, 100
_KEPT_ROWS = 10_000
# 200 requests in 10 seconds, by IP and path.
_REQUESTS, _WINDOW_SECONDS = 200, 10


def _refusal(message: str, label: str = "INVALID_PARAM_VALUE") -> RefusedError:
    return RefusedError(Answer({"label": label, "message": message}, 400))


def _invalid(name: str) -> RefusedError:
    return _refusal(f"Invalid request parameter `{name}`")


class Gate(Exchange):
    """Ascending, both ends inclusive, 100 rows by default, 400 beyond 1000 or 10,000 candles ago, quiet flat."""

    name: ClassVar[str] = "gate"
    limit_by_path: ClassVar[bool] = True
    columns: ClassVar[Columns] = {
        "time": 0, "close": 2, "high": 3, "low": 4, "open": 5, "volume": 6, "milliseconds": False,
    }  # fmt: skip

    def build_routes(self) -> tuple[Route, ...]:
        """Return candles, the market list, and the margin list that ccxt requests with it."""
        return (
            Route("/api/v4/spot/candlesticks", 1, self._candlesticks),
            Route("/api/v4/spot/currency_pairs", 1, self._currency_pairs),
            Route("/api/v4/margin/currency_pairs", 1, lambda _: Answer([])),
            Route("/api/v4/spot/time", 1, lambda request: Answer({"server_time": request.now_ms})),
        )

    def build_limiter(self, clock: Callable[[], float]) -> FixedWindow:
        """Return 200 on each path in ten seconds."""
        return FixedWindow(_REQUESTS, _WINDOW_SECONDS, clock)

    def limit_headers(self, verdict: Verdict) -> Mapping[str, str]:
        """Return what is left of the limit."""
        left = max(0, _REQUESTS - verdict.used)
        return {"X-Gate-RateLimit-Limit": str(_REQUESTS), "X-Gate-RateLimit-Requests-Remain": str(left)}

    def over_limit(self, verdict: Verdict, route: Route) -> Answer:
        """Return 429 with a label."""
        body = {"label": "TOO_MANY_REQUESTS", "message": "Request Rate Limit Exceeded"}
        return Answer(body, 429, self.limit_headers(verdict))

    def unknown_path(self) -> Answer:
        """Return 404 in JSON."""
        return Answer({"label": "NOT_FOUND", "message": "Not Found"}, 404)

    def _candlesticks(self, request: Request) -> Answer:
        id_ = request.query.get("currency_pair", "")
        market = self.market_by_id(id_, request)
        if market is None:
            raise _refusal(f"Invalid currency pair {id_}", "INVALID_CURRENCY_PAIR")
        timeframe = INTERVALS.get(request.query.get("interval", "30m"))
        if timeframe is None:
            raise _invalid("interval")
        candles = self._select(market, timeframe, request)
        rows = self.wire_rows(market, candles, request, timeframe)
        return Answer(rows)

    def _select(self, market: Market, timeframe: str, request: Request) -> Ints:
        """Return the range, or the newest `limit` rows; both together are refused."""
        limit = integer(request.query, "limit", _invalid)
        start, end = integer(request.query, "from", _invalid), integer(request.query, "to", _invalid)
        if limit is not None and (start is not None or end is not None or not 1 <= limit <= _MAX_ROWS):
            raise _refusal(f"Invalid request parameter `limit` value: {limit}")
        if start is None and end is None:
            rows = limit or _DEFAULT_ROWS
            return self.book.last(market, timeframe, 0, request.now_ms + 1, rows, request.now_ms)
        bar = duration_ms(timeframe) // 1000
        end = request.now_ms // 1000 if end is None else end
        start = end - _DEFAULT_ROWS * bar if start is None else start
        _check_range(start, end, bar, request.now_ms // 1000)
        return self.book.between(market, timeframe, start * 1000, end * 1000 + 1, request.now_ms)

    def wire_row(self, market: Market, row: CandleRow, timeframe: str) -> list[str]:
        """Return [time in seconds, quote volume, c, h, l, o, base volume, complete], all text."""
        open_, high, low, close, base, quote = row_text(market, row)
        return [str(row.open_time_ms // 1000), quote, close, high, low, open_, base, "true"]

    def mark_unfinished(self, row: list[str]) -> None:
        """Say in the last column whether the window is closed."""
        row[7] = "false"

    def _currency_pairs(self, request: Request) -> Answer:
        return Answer([self._pair(market, request) for market in self.listed(request)])

    def _pair(self, market: Market, request: Request) -> dict[str, Any]:
        return {
            "id": market.id,
            "base": market.base,
            "base_name": market.base,
            "quote": market.quote,
            "quote_name": market.quote,
            "fee": "0.2",
            "min_base_amount": step(market.volume_decimals),
            "min_quote_amount": "3",
            "max_quote_amount": "5000000",
            "amount_precision": market.volume_decimals,
            "precision": market.price_decimals,
            "trade_status": "tradable" if self.is_trading(market, request) else "untradable",
            "sell_start": 0,
            "buy_start": market.listed_ms // 1000,
            "delisting_time": 0,
            "type": "normal",
        }


def _check_range(start: int, end: int, bar: int, now: int) -> None:
    """Refuse a range that is too old, ends before it begins, or has more than 1000 candles; all in seconds."""
    if start > end:
        raise _refusal("Invalid request parameter `from`: later than `to`")
    if start < now - _KEPT_ROWS * bar:
        raise _refusal(f"Candlestick too long ago. Maximum {_KEPT_ROWS} points ago are allowed")
    if (end - start) // bar + 1 > _MAX_ROWS:
        raise _refusal(f"Candlestick range too broad. Maximum {_MAX_ROWS} data points are allowed per request")
