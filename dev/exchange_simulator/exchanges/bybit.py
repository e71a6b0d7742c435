"""Bybit spot (Bybit API docs v5: Get Kline, Get Instruments Info, Rate Limit Rules)."""

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
    step,
)
from dev.exchange_simulator.hashing import Ints
from dev.exchange_simulator.markets import Market
from dev.exchange_simulator.mutations import Columns
from dev.exchange_simulator.rate_limits import FixedWindow, Verdict
from dev.exchange_simulator.served_rows import CandleRow
from dev.exchange_simulator.timeframes import floor_open

INTERVALS = {
    "1": "1m", "3": "3m", "5": "5m", "15": "15m", "30": "30m", "60": "1h", "120": "2h", "240": "4h",
    "360": "6h", "720": "12h", "D": "1d", "W": "1w", "M": "1M",
}  # fmt: skip
_MAX_ROWS, _DEFAULT_ROWS = 1000, 200
# 600 requests in 5 seconds by IP; beyond it "wait for at least 10 minutes".
_REQUESTS, _WINDOW_SECONDS, _BAN_SECONDS = 600, 5, 600


def _body(code: int, message: str, result: dict[str, Any], now_ms: int) -> Answer:
    return Answer({"retCode": code, "retMsg": message, "result": result, "retExtInfo": {}, "time": now_ms})


class Bybit(Exchange):
    """Newest first, both ends inclusive, 200 rows by default, 1000 at most, quiet minutes flat."""

    name: ClassVar[str] = "bybit"
    newest_first: ClassVar[bool] = True
    over_limit_statuses: ClassVar[tuple[int, ...]] = (403,)
    columns: ClassVar[Columns] = {
        "time": 0, "open": 1, "high": 2, "low": 3, "close": 4, "volume": 5, "milliseconds": True,
    }  # fmt: skip

    def build_routes(self) -> tuple[Route, ...]:
        """Return candles and the market list."""
        return (
            Route("/v5/market/kline", 1, self._kline),
            Route("/v5/market/instruments-info", 1, self._instruments),
            Route("/v5/market/time", 1, self._time),
        )

    def build_limiter(self, clock: Callable[[], float]) -> FixedWindow:
        """Return 600 in five seconds; clients over it are banned for ten minutes at once."""
        return FixedWindow(_REQUESTS, _WINDOW_SECONDS, clock, ban_after=0, ban_seconds=_BAN_SECONDS)

    def over_limit(self, verdict: Verdict, route: Route) -> Answer:
        """Return 403, not JSON."""
        return Answer("403, access too frequent", 403)

    def unknown_path(self) -> Answer:
        """Return 404 as a page."""
        return Answer("<html><body><h1>404 page not found</h1></body></html>", 404)

    def _refusal(self, request: Request, message: str) -> RefusedError:
        """Return a refusal: status 200 and a code."""
        return RefusedError(_body(10001, message, {}, request.now_ms))

    def _kline(self, request: Request) -> Answer:
        query = request.query
        market = self.market_by_id(query.get("symbol", ""), request)
        if query.get("category") != "spot" or market is None:
            # Without a category the exchange takes linear contracts, of which there are none here.
            raise self._refusal(request, "Not supported symbols")
        timeframe = INTERVALS.get(query.get("interval", ""))
        if timeframe is None:
            raise self._refusal(request, "Invalid period!")
        rows = self.wire_rows(market, self._select(market, timeframe, request), request, timeframe)
        return _body(0, "OK", {"category": "spot", "symbol": market.id, "list": rows}, request.now_ms)

    def _select(self, market: Market, timeframe: str, request: Request) -> Ints:
        """Return rows from the candle at `start` on if only that is given, otherwise the newest."""

        def invalid(name: str) -> RefusedError:
            return self._refusal(request, f"params error: {name} invalid")

        limit = integer(request.query, "limit", invalid)
        start, end = integer(request.query, "start", invalid), integer(request.query, "end", invalid)
        if limit is not None and not 1 <= limit <= _MAX_ROWS:
            raise invalid("limit")
        rows = limit or _DEFAULT_ROWS
        start_ms = 0 if start is None else floor_open(self.name, timeframe, start)
        if start is not None and end is None:
            return self.book.first(market, timeframe, start_ms, request.now_ms + 1, rows, request.now_ms)
        end_ms = request.now_ms + 1 if end is None else end + 1
        return self.book.last(market, timeframe, start_ms, end_ms, rows, request.now_ms)

    def wire_row(self, market: Market, row: CandleRow, timeframe: str) -> list[str]:
        """Return [time in ms, o, h, l, c, base volume, turnover], all text."""
        return [str(row.open_time_ms), *row_text(market, row)]

    def _instruments(self, request: Request) -> Answer:
        """Return the spot instruments; other categories have none."""
        category = request.query.get("category", "")
        if category not in ("spot", "linear", "inverse", "option"):
            raise self._refusal(request, "params error: Category is invalid")
        listed = self.listed(request) if category == "spot" else []
        rows = [_instrument(market) for market in listed if self.is_trading(market, request)]
        return _body(0, "OK", {"category": category, "list": rows}, request.now_ms)

    def _time(self, request: Request) -> Answer:
        seconds = str(request.now_ms // 1000)
        return _body(0, "OK", {"timeSecond": seconds, "timeNano": f"{request.now_ms}000000"}, request.now_ms)


def _instrument(market: Market) -> dict[str, Any]:
    return {
        "symbol": market.id,
        "baseCoin": market.base,
        "quoteCoin": market.quote,
        "innovation": "0",
        "status": "Trading",
        "marginTrading": "none",
        "lotSizeFilter": {
            "basePrecision": step(market.volume_decimals),
            "quotePrecision": "0.00000001",
            "minOrderQty": step(market.volume_decimals),
            "maxOrderQty": "1000000",
            "minOrderAmt": "1",
            "maxOrderAmt": "4000000",
        },
        "priceFilter": {"tickSize": step(market.price_decimals)},
    }
