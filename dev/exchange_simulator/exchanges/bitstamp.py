"""Bitstamp (Bitstamp API docs v2: Get OHLC data, Get markets, Request limits)."""

from collections.abc import Callable
from typing import Any, ClassVar

from dev.exchange_simulator.exchanges.base import (
    Answer,
    Exchange,
    RefusedError,
    Request,
    Route,
    integer,
    row_text,
    trade_text,
)
from dev.exchange_simulator.hashing import Ints
from dev.exchange_simulator.markets import Market
from dev.exchange_simulator.mutations import Columns
from dev.exchange_simulator.rate_limits import AllLimits, FixedWindow, Verdict
from dev.exchange_simulator.served_rows import CandleRow
from dev.exchange_simulator.timeframes import floor_open
from dev.exchange_simulator.trades import Trade

STEPS = {
    60: "1m", 180: "3m", 300: "5m", 900: "15m", 1800: "30m", 3600: "1h", 7200: "2h", 14400: "4h", 21600: "6h",
    43200: "12h", 86400: "1d", 259200: "3d",
}  # fmt: skip
_MAX_ROWS = 1000
_TRADE_SPANS = {"minute": 60_000, "hour": 3_600_000, "day": 86_400_000}
# 400 requests a second, 10,000 in ten minutes.
_LIMITS = ((400, 1), (10_000, 600))


def _invalid(name: str) -> RefusedError:
    field = {"field": name, "message": "Invalid value.", "code": "invalid_value"}
    return RefusedError(Answer({"code": "validation-error", "errors": [field]}, 400))


class Bitstamp(Exchange):
    """Ascending, both ends inclusive, 1000 rows at most, counted back from the end if there is one, quiet flat."""

    name: ClassVar[str] = "bitstamp"
    columns: ClassVar[Columns] = {
        "time": "timestamp", "open": "open", "high": "high", "low": "low", "close": "close", "volume": "volume",
        "milliseconds": False,
    }  # fmt: skip

    def build_routes(self) -> tuple[Route, ...]:
        """Return candles and the market list."""
        return (
            Route("/api/v2/ohlc/{id}/", 1, self._ohlc),
            Route("/api/v2/transactions/{id}/", 1, self._transactions),
            Route(
                "/api/v2/markets/", 1, lambda request: Answer([self._pair(m, request) for m in self.listed(request)])
            ),
        )

    def build_limiter(self, clock: Callable[[], float]) -> AllLimits:
        """Return a limit per second and one per ten minutes."""
        return AllLimits(*(FixedWindow(requests, seconds, clock) for requests, seconds in _LIMITS))

    def over_limit(self, verdict: Verdict, route: Route) -> Answer:
        """Return an error code that has no class of its own in ccxt."""
        body = {"status": "error", "reason": "Request rejected due to exceeded rate limit.", "response_code": "400.002"}
        return Answer(body, 429)

    def unknown_path(self) -> Answer:
        """Return 404 as a page."""
        return Answer("<html><body><h1>404 Not Found</h1></body></html>", 404)

    def _ohlc(self, request: Request) -> Answer:
        market = self.market_by_id(request.path_parts["id"], request)
        if market is None:
            raise RefusedError(Answer({"status": "error", "reason": "Invalid market symbol.", "code": "404.002"}, 404))
        timeframe = STEPS.get(integer(request.query, "step", _invalid) or 0)
        if timeframe is None:
            raise _invalid("step")
        rows = self.wire_rows(market, self._select(market, timeframe, request), request, timeframe)
        return Answer({"data": {"pair": market.symbol, "ohlc": rows}})

    def _transactions(self, request: Request) -> Answer:
        """Return the trades of the last minute, hour or day, newest first, with their time in seconds."""
        market = self.market_by_id(request.path_parts["id"], request)
        span = _TRADE_SPANS.get(request.query.get("time", "hour"))
        if market is None or span is None:
            raise _invalid("time" if market else "market_symbol")
        trades = list(self.book.trades_after(market, (request.now_ms - span) * 1_000_000, request.now_ms))
        return Answer([_wire_trade(market, trade) for trade in reversed(trades)])

    def _select(self, market: Market, timeframe: str, request: Request) -> Ints:
        """Return `limit` rows back from the end ("if both start and end … are posted, end timestamp will be used")."""
        query, now_ms = request.query, request.now_ms
        limit = integer(query, "limit", _invalid)
        if limit is None or not 1 <= limit <= _MAX_ROWS:
            raise _invalid("limit")
        start, end = integer(query, "start", _invalid), integer(query, "end", _invalid)
        last_ms = now_ms + 1
        if query.get("exclude_current_candle", "").lower() == "true":
            last_ms = floor_open(self.name, timeframe, now_ms)
        if start is not None and end is None:
            return self.book.first(market, timeframe, start * 1000, last_ms, limit, now_ms)
        end_ms = last_ms if end is None else min(last_ms, end * 1000 + 1)
        return self.book.last(market, timeframe, 0, end_ms, limit, now_ms)

    def wire_row(self, market: Market, row: CandleRow, timeframe: str) -> dict[str, str]:
        """Return an object of text, `timestamp` in seconds."""
        text = row_text(market, row)
        return {
            "timestamp": str(row.open_time_ms // 1000),
            "open": text.open,
            "high": text.high,
            "low": text.low,
            "close": text.close,
            "volume": text.volume,
        }

    def _pair(self, market: Market, request: Request) -> dict[str, Any]:
        trading = "Enabled" if self.is_trading(market, request) else "Disabled"
        return {
            "name": market.symbol,
            "market_symbol": market.id,
            "base_currency": market.base,
            "base_decimals": market.volume_decimals,
            "counter_currency": market.quote,
            "counter_decimals": market.price_decimals,
            "minimum_order_value": "10",
            "trading": trading,
            "instant_order_counter_decimals": 2,
            "instant_and_market_orders": trading,
            "description": market.symbol,
            "market_type": "SPOT",
        }


def _wire_trade(market: Market, trade: Trade) -> dict[str, str]:
    price, volume = trade_text(market, trade)
    return {
        "tid": str(trade.id),
        "date": str(trade.time_ns // 1_000_000_000),
        "price": price,
        "amount": volume,
        "type": "0" if trade.side == "b" else "1",
    }
