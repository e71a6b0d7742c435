"""binance spot (Binance Spot API docs: General endpoints, Market data endpoints, Errors, Limits)."""

from collections.abc import Callable, Mapping
from math import ceil
from typing import ClassVar

from dev.exchange_simulator.exchanges.base import (
    Answer,
    Exchange,
    RefusedError,
    Request,
    Route,
    decimal_text,
    integer,
    step,
)
from dev.exchange_simulator.markets import Market
from dev.exchange_simulator.mutations import Columns
from dev.exchange_simulator.rate_limits import FixedWindow, Verdict
from dev.exchange_simulator.served_rows import CandleRow
from dev.exchange_simulator.timeframes import ceil_open, duration_ms

# 1s is offered by the real exchange; the synthetic market has nothing finer than a minute.
INTERVALS = frozenset(["1m", "3m", "5m", "15m", "30m", "1h", "2h", "4h", "6h", "8h", "12h", "1d", "3d", "1w", "1M"])
_PARAMETERS = frozenset({"symbol", "interval", "startTime", "endTime", "timeZone", "limit"})
_MAX_ROWS, _DEFAULT_ROWS = 1000, 500
_WINDOW_SECONDS = 60
# Clients that continue after 429 get 418, a ban of two minutes or more; the docs name no number of requests.
_BAN_AFTER_REFUSALS = 20


def _refusal(code: int, message: str, status: int = 400) -> RefusedError:
    return RefusedError(Answer({"code": code, "msg": message}, status))


def _illegal(name: str) -> RefusedError:
    return _refusal(-1100, f"Illegal characters found in parameter '{name}'; legal range is '^[0-9]{{1,20}}$'.")


class Binance(Exchange):
    """Ascending, both ends inclusive, 500 rows by default, 1000 at most, quiet flat, outages missing."""

    name: ClassVar[str] = "binance"
    columns: ClassVar[Columns] = {
        "time": 0, "open": 1, "high": 2, "low": 3, "close": 4, "volume": 5, "milliseconds": True,
    }  # fmt: skip

    # IP limit REQUEST_WEIGHT of each minute of the clock, and what the two paths that matter weigh.
    minute_weight: ClassVar[int] = 6000
    klines_weight: ClassVar[int] = 2
    exchange_info_weight: ClassVar[int] = 20

    def build_routes(self) -> tuple[Route, ...]:
        """Return the spot paths, and empty market lists of the two futures hosts that ccxt queries by default."""
        return (
            *self.spot_routes(),
            Route("/fapi/v1/exchangeInfo", 1, lambda _: Answer({"symbols": []})),
            Route("/dapi/v1/exchangeInfo", 1, lambda _: Answer({"symbols": []})),
        )

    def spot_routes(self) -> tuple[Route, ...]:
        """Return the paths of the spot API."""
        return (
            Route("/api/v3/klines", self.klines_weight, self._klines),
            Route("/api/v3/exchangeInfo", self.exchange_info_weight, self._exchange_info),
            Route("/api/v3/ping", 1, lambda _: Answer({})),
            Route("/api/v3/time", 1, lambda request: Answer({"serverTime": request.now_ms})),
        )

    def build_limiter(self, clock: Callable[[], float]) -> FixedWindow:
        """Return the weight for each minute of the clock."""
        return FixedWindow(self.minute_weight, _WINDOW_SECONDS, clock, _BAN_AFTER_REFUSALS)

    def limit_headers(self, verdict: Verdict) -> Mapping[str, str]:
        """Return the weight used in this minute."""
        return {"X-MBX-USED-WEIGHT": str(verdict.used), "X-MBX-USED-WEIGHT-1M": str(verdict.used)}

    def over_limit(self, verdict: Verdict, route: Route) -> Answer:
        """Return 429 with Retry-After; 418 for clients that continue."""
        headers = {"Retry-After": str(ceil(verdict.wait_seconds)), **self.limit_headers(verdict)}
        if verdict.banned_until is not None:
            message = (
                f"Way too much request weight used; IP banned until {int(verdict.banned_until * 1000)}. "
                "Please use WebSocket Streams for live updates to avoid bans."
            )
            return Answer({"code": -1003, "msg": message}, 418, headers)
        message = (
            f"Too much request weight used; current limit is {self.minute_weight} request weight per 1 MINUTE. "
            "Please use WebSocket Streams for live updates to avoid polling the API."
        )
        return Answer({"code": -1003, "msg": message}, 429, headers)

    def usual_body(self, status: int) -> object | None:
        """Return the message of a block by country."""
        if status != 451:
            return None
        where = "Service unavailable from a restricted location according to 'b. Eligibility'"
        return {"code": 0, "msg": f"{where} in the terms of use."}

    def unknown_path(self) -> Answer:
        """Return an HTML page, not JSON."""
        return Answer("<html><body><h2>404 Not found</h2></body></html>", 404)

    def _klines(self, request: Request) -> Answer:
        market, interval, limit = self._klines_arguments(request)
        start = integer(request.query, "startTime", _illegal)
        end = integer(request.query, "endTime", _illegal)
        end_exclusive = request.now_ms + 1 if end is None else end + 1
        if start is None:
            candles = self.book.last(market, interval, 0, end_exclusive, limit, request.now_ms)
        else:
            candles = self.book.first(market, interval, start, end_exclusive, limit, request.now_ms)
        return Answer(self.wire_rows(market, candles, request, interval))

    def _klines_arguments(self, request: Request) -> tuple[Market, str, int]:
        """Return market, interval and row limit, or refuse."""
        query = request.query
        for name, value in query.items():
            if not value:
                raise _refusal(-1105, f"Parameter '{name}' was empty.")
        for name in ("symbol", "interval"):
            if name not in query:
                raise _refusal(-1102, f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed.")
        unread = [name for name in query if name not in _PARAMETERS]
        if unread:
            read = len(query) - len(unread)
            raise _refusal(
                -1104,
                f"Not all sent parameters were read; read '{read}' parameter(s) but was sent '{len(query)}'.",
            )
        return self._market(query["symbol"], request), self._interval(query["interval"]), self._limit(query)

    def _market(self, symbol: str, request: Request) -> Market:
        market = self.market_by_id(symbol, request)
        if market is None:
            raise _refusal(-1121, "Invalid symbol.")
        return market

    def _interval(self, interval: str) -> str:
        if interval not in INTERVALS:
            raise _refusal(-1120, "Invalid interval.")
        return interval

    def _limit(self, query: Mapping[str, str]) -> int:
        """Return the row limit: 500 by default; more than 1000 counts as 1000."""
        limit = integer(query, "limit", _illegal)
        if limit is None:
            return _DEFAULT_ROWS
        if limit < 1:
            raise _refusal(-1130, "Data sent for parameter 'limit' is not valid.")
        return min(limit, _MAX_ROWS)

    def wire_row(self, market: Market, row: CandleRow, timeframe: str) -> list[object]:
        """Return [open time, o, h, l, c, v, close time, quote volume, trades, taker base, taker quote, unused]."""
        opened, open_, high, low, close, volume, count, quote, taker, taker_quote = row
        next_ms = ceil_open(self.name, timeframe, opened + 1) if timeframe == "1M" else 0
        as_text = decimal_text(max(8, market.price_decimals, market.volume_decimals))
        return [
            opened,
            as_text(open_),
            as_text(high),
            as_text(low),
            as_text(close),
            as_text(volume),
            (next_ms or opened + duration_ms(timeframe)) - 1,
            as_text(quote),
            count,
            as_text(taker),
            as_text(taker_quote),
            "0",
        ]

    def _exchange_info(self, request: Request) -> Answer:
        limit = {"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": self.minute_weight}
        return Answer(
            {
                "timezone": "UTC",
                "serverTime": request.now_ms,
                "rateLimits": [limit],
                "exchangeFilters": [],
                "symbols": [self._symbol(market, request) for market in self.listed(request)],
            }
        )

    def _symbol(self, market: Market, request: Request) -> dict[str, object]:
        tick, lot = step(market.price_decimals), step(market.volume_decimals)
        return {
            "symbol": market.id,
            "status": "TRADING" if self.is_trading(market, request) else "BREAK",
            "baseAsset": market.base,
            "baseAssetPrecision": 8,
            "quoteAsset": market.quote,
            "quotePrecision": 8,
            "quoteAssetPrecision": 8,
            "orderTypes": ["LIMIT", "LIMIT_MAKER", "MARKET"],
            "isSpotTradingAllowed": True,
            "isMarginTradingAllowed": False,
            "filters": [
                {
                    "filterType": "PRICE_FILTER",
                    "minPrice": tick,
                    "maxPrice": "1000000.00000000",
                    "tickSize": tick,
                },
                {"filterType": "LOT_SIZE", "minQty": lot, "maxQty": "9000.00000000", "stepSize": lot},
                {"filterType": "NOTIONAL", "minNotional": "5.00000000", "maxNotional": "9000000.00000000"},
            ],
            "permissions": [],
            "permissionSets": [["SPOT"]],
        }
