"""KuCoin spot (KuCoin API docs: Get Klines, Get All Symbols, Get All Currencies, Rate limit)."""

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
from dev.exchange_simulator.markets import Market
from dev.exchange_simulator.mutations import Columns
from dev.exchange_simulator.rate_limits import FixedWindow, Verdict
from dev.exchange_simulator.served_rows import CandleRow

TYPES = {
    "1min": "1m", "3min": "3m", "5min": "5m", "15min": "15m", "30min": "30m", "1hour": "1h", "2hour": "2h",
    "4hour": "4h", "6hour": "6h", "8hour": "8h", "12hour": "12h", "1day": "1d", "1week": "1w", "1month": "1M",
}  # fmt: skip
_MAX_ROWS = 1500
# Public pool by IP: 2000 weight in 30 seconds.
_WEIGHT, _WINDOW_SECONDS = 2000, 30


def _refusal(message: str, code: str = "400100") -> RefusedError:
    """Return a refusal: status 200 and a code."""
    return RefusedError(Answer({"code": code, "msg": message}))


def _invalid(name: str) -> RefusedError:
    return _refusal(f"{name} is invalid")


def _data(data: Any) -> Answer:
    return Answer({"code": "200000", "data": data})


class Kucoin(Exchange):
    """Newest first, start inclusive, end exclusive, the newest 1500 of the range, quiet minutes missing."""

    name: ClassVar[str] = "kucoin"
    newest_first: ClassVar[bool] = True
    columns: ClassVar[Columns] = {
        "time": 0, "open": 1, "close": 2, "high": 3, "low": 4, "volume": 5, "milliseconds": False,
    }  # fmt: skip

    def build_routes(self) -> tuple[Route, ...]:
        """Return the spot paths, and an empty list for the futures host that ccxt queries by default."""
        return (
            Route("/api/v1/market/candles", 3, self._candles),
            Route("/api/v2/symbols", 4, lambda request: _data(self._symbols(request))),
            Route("/api/v3/currencies", 3, lambda request: _data(self._currencies(request))),
            Route("/api/v1/market/allTickers", 15, self._tickers),
            Route("/api/v1/timestamp", 3, lambda request: _data(request.now_ms)),
            Route("/api/v1/status", 3, lambda _: _data({"status": "open", "msg": ""})),
            Route("/api/v1/contracts/active", 3, lambda _: _data([])),
        )

    def build_limiter(self, clock: Callable[[], float]) -> FixedWindow:
        """Return 2000 weight in each half minute."""
        return FixedWindow(_WEIGHT, _WINDOW_SECONDS, clock)

    def limit_headers(self, verdict: Verdict) -> Mapping[str, str]:
        """Return the remaining weight, and in how many ms it is reset."""
        return {
            "gw-ratelimit-limit": str(_WEIGHT),
            "gw-ratelimit-remaining": str(max(0, _WEIGHT - verdict.used)),
            "gw-ratelimit-reset": str(int(verdict.resets_in_seconds * 1000)),
        }

    def over_limit(self, verdict: Verdict, route: Route) -> Answer:
        """Return 429 with code 429000."""
        body = {"code": "429000", "msg": "Too many requests in a short period of time, please retry later"}
        return Answer(body, 429, self.limit_headers(verdict))

    def unknown_path(self) -> Answer:
        """Return 404 in JSON."""
        return Answer({"code": "404000", "msg": "Url Not Found"}, 404)

    def _candles(self, request: Request) -> Answer:
        market = self.market_by_id(request.query.get("symbol", ""), request)
        if market is None:
            raise _refusal("Unsupported trading pair.")
        timeframe = TYPES.get(request.query.get("type", ""))
        if timeframe is None:
            raise _refusal("Incorrect candlestick type.")
        start = integer(request.query, "startAt", _invalid) or 0
        end = integer(request.query, "endAt", _invalid) or 0
        end_ms = end * 1000 or request.now_ms + 1
        candles = self.book.last(market, timeframe, start * 1000, end_ms, _MAX_ROWS, request.now_ms)
        return _data(self.wire_rows(market, candles, request, timeframe))

    def wire_row(self, market: Market, row: CandleRow, timeframe: str) -> list[str]:
        """Return [time in seconds, open, close, high, low, volume, turnover], all text."""
        open_, high, low, close, base, turnover = row_text(market, row)
        return [str(row.open_time_ms // 1000), open_, close, high, low, base, turnover]

    def _symbols(self, request: Request) -> list[dict[str, object]]:
        return [self._symbol(market, request) for market in self.listed(request)]

    def _symbol(self, market: Market, request: Request) -> dict[str, object]:
        return {
            "symbol": market.id,
            "name": market.id,
            "baseCurrency": market.base,
            "quoteCurrency": market.quote,
            "feeCurrency": market.quote,
            "market": "USDS" if market.quote in ("USDT", "USDC") else market.quote,
            "baseMinSize": step(market.volume_decimals),
            "quoteMinSize": "0.1",
            "baseMaxSize": "10000000000",
            "quoteMaxSize": "99999999",
            "baseIncrement": step(market.volume_decimals),
            "quoteIncrement": step(market.price_decimals),
            "priceIncrement": step(market.price_decimals),
            "priceLimitRate": "0.1",
            "minFunds": "0.1",
            "isMarginEnabled": False,
            "enableTrading": self.is_trading(market, request),
        }

    def _currencies(self, request: Request) -> list[dict[str, object]]:
        codes = dict.fromkeys(code for market in self.listed(request) for code in (market.base, market.quote))
        return [
            {
                "currency": code,
                "name": code,
                "fullName": code,
                "precision": 8,
                "confirms": None,
                "contractAddress": None,
                "isMarginEnabled": False,
                "isDebitEnabled": False,
                "chains": [],
            }
            for code in codes
        ]

    def _tickers(self, request: Request) -> Answer:
        fees = {
            "takerFeeRate": "0.001",
            "makerFeeRate": "0.001",
            "takerCoefficient": "1",
            "makerCoefficient": "1",
        }
        ticker = [{"symbol": m.id, "symbolName": m.id, **fees} for m in self.listed(request)]
        return _data({"time": request.now_ms, "ticker": ticker})
