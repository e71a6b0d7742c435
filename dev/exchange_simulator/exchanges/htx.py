"""HTX spot (HTX API docs: Get Klines, Get all Supported Trading Symbols, APIv2 Currency & Chains)."""

from collections.abc import Callable
from typing import Any, ClassVar

from dev.exchange_simulator.candle_columns import NO_ROWS
from dev.exchange_simulator.exchanges.base import (
    Answer,
    Exchange,
    RefusedError,
    Request,
    Route,
    integer,
)
from dev.exchange_simulator.hashing import Ints
from dev.exchange_simulator.markets import Market
from dev.exchange_simulator.mutations import Columns
from dev.exchange_simulator.rate_limits import TokenBucket, Verdict
from dev.exchange_simulator.served_rows import CandleRow
from dev.exchange_simulator.timeframes import duration_ms

PERIODS = {
    "1min": "1m", "5min": "5m", "15min": "15m", "30min": "30m", "60min": "1h", "4hour": "4h",
    "1day": "1d", "1week": "1w", "1mon": "1M", "1year": "1y",
}  # fmt: skip
_MAX_ROWS, _DEFAULT_ROWS = 1000, 150
# Market data: the docs are unclear; ccxt sends ten a second at most.
_PER_SECOND, _BURST = 10.0, 10


class Htx(Exchange):
    """Newest first, both ends inclusive, 150 by default, nothing at all beyond 1000, quiet minutes flat."""

    name: ClassVar[str] = "htx"
    newest_first: ClassVar[bool] = True
    columns: ClassVar[Columns] = {
        "time": "id", "open": "open", "high": "high", "low": "low", "close": "close", "volume": "amount",
        "milliseconds": False,
    }  # fmt: skip

    def build_routes(self) -> tuple[Route, ...]:
        """Return the spot paths."""
        return (
            Route("/market/history/candles", 1, self._candles),
            Route("/v1/common/symbols", 1, self._symbols),
            Route("/v2/reference/currencies", 1, self._currencies),
            Route("/v1/common/timestamp", 1, lambda request: Answer({"status": "ok", "data": request.now_ms})),
        )

    def build_limiter(self, clock: Callable[[], float]) -> TokenBucket:
        """Return ten a second."""
        return TokenBucket(_PER_SECOND, _BURST, clock)

    def over_limit(self, verdict: Verdict, route: Route) -> Answer:
        """Return one code for market data, another for reference data."""
        if route.template.startswith("/market/"):
            return Answer({"status": "error", "err-code": "too-many-requests", "err-msg": "too many requests"}, 429)
        message = "Frequency of requests has exceeded the limit, please try again later"
        code = "base-request-exceed-frequency-limit"
        return Answer({"status": "error", "err-code": code, "err-msg": message, "data": None})

    def unknown_path(self) -> Answer:
        """Return 404 as a page."""
        return Answer("<html><body><h1>404 Not Found</h1></body></html>", 404)

    def _refusal(self, request: Request, code: str, message: str) -> RefusedError:
        """Return a refusal: status 200 and an error code."""
        body = {"ts": request.now_ms, "status": "error", "err-code": code, "err-msg": message}
        return RefusedError(Answer(body))

    def _candles(self, request: Request) -> Answer:
        period, symbol = request.query.get("period", ""), request.query.get("symbol", "")
        if period not in PERIODS:
            raise self._refusal(request, "invalid-parameter", "invalid period")
        market = self.market_by_id(symbol, request)
        if market is None:
            raise self._refusal(request, "invalid-parameter", "invalid symbol")
        candles = self._select(market, PERIODS[period], request)
        return Answer(
            {
                "ch": f"market.{symbol}.kline.{period}",
                "status": "ok",
                "ts": request.now_ms,
                "data": self.wire_rows(market, candles, request, PERIODS[period]),
            }
        )

    def _select(self, market: Market, timeframe: str, request: Request) -> Ints:
        """Return the earliest `size` rows from `from` on if given, otherwise the latest; above 1000 an empty list."""

        def invalid(name: str) -> RefusedError:
            return self._refusal(request, "bad-request", f"invalid {name}, valid range: [1,2000]")

        size = integer(request.query, "size", invalid)
        start, end = integer(request.query, "from", invalid), integer(request.query, "to", invalid)
        if size is not None and size < 1:
            raise invalid("size")
        too_long = start is not None and end is not None and _rows_between(timeframe, start, end) > _MAX_ROWS
        if too_long or (size or 0) > _MAX_ROWS:
            return NO_ROWS
        end_ms = request.now_ms + 1 if end is None else end * 1000 + 1
        limit = size or _DEFAULT_ROWS
        if start is None:
            return self.book.last(market, timeframe, 0, end_ms, limit, request.now_ms)
        return self.book.first(market, timeframe, start * 1000, end_ms, limit, request.now_ms)

    def wire_row(self, market: Market, row: CandleRow, timeframe: str) -> dict[str, Any]:
        """Return an object of numbers; `amount` is in base units, `vol` in quote units."""
        opened, open_, high, low, close, volume, count, quote, *_ = row
        return {
            "id": opened // 1000,
            "open": open_,
            "close": close,
            "low": low,
            "high": high,
            "amount": volume,
            "vol": quote,
            "count": count,
        }

    def _symbols(self, request: Request) -> Answer:
        data = [self._symbol(market, request) for market in self.listed(request)]
        return Answer({"status": "ok", "data": data})

    def _symbol(self, market: Market, request: Request) -> dict[str, object]:
        trading = self.is_trading(market, request)
        return {
            "base-currency": market.base.lower(),
            "quote-currency": market.quote.lower(),
            "price-precision": market.price_decimals,
            "amount-precision": market.volume_decimals,
            "symbol-partition": "main",
            "symbol": market.id,
            "state": "online" if trading else "offline",
            "value-precision": 8,
            "min-order-amt": 10**-market.volume_decimals,
            "max-order-amt": 1_000_000,
            "min-order-value": 5,
            "api-trading": "enabled" if trading else "disabled",
            "tags": "",
        }

    def _currencies(self, request: Request) -> Answer:
        codes = dict.fromkeys(code for market in self.listed(request) for code in (market.base, market.quote))
        data = [{"currency": code.lower(), "assetType": 1, "chains": [], "instStatus": "normal"} for code in codes]
        return Answer({"code": 200, "data": data})


def _rows_between(timeframe: str, start_seconds: int, end_seconds: int) -> int:
    return (end_seconds - start_seconds) * 1000 // duration_ms(timeframe) + 1
