"""Coinbase Advanced Trade (its REST API docs: Get public product candles, List public products, Rate limits).

The docs say at most 350 candles; ccxt requests 300. The texts of errors and the refusal of 351 candles are as users of
the API report them.
"""

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
    trade_text,
)
from dev.exchange_simulator.markets import Market
from dev.exchange_simulator.mutations import Columns
from dev.exchange_simulator.rate_limits import TokenBucket, Verdict
from dev.exchange_simulator.served_rows import CandleRow
from dev.exchange_simulator.timeframes import ceil_open, duration_ms, iso_utc
from dev.exchange_simulator.trades import Trade

# FOUR_HOUR is offered by the real exchange; ccxt does not request it.
GRANULARITIES = {
    "ONE_MINUTE": "1m", "FIVE_MINUTE": "5m", "FIFTEEN_MINUTE": "15m", "THIRTY_MINUTE": "30m", "ONE_HOUR": "1h",
    "TWO_HOUR": "2h", "FOUR_HOUR": "4h", "SIX_HOUR": "6h", "ONE_DAY": "1d",
}  # fmt: skip
_MAX_ROWS = 350
# Chosen here: the docs name no largest number of trades.
_MAX_TRADES = 1000
# Public endpoints: 10 requests a second by IP.
_PER_SECOND, _BURST = 10.0, 10
_CANDLES_PATH = "/api/v3/brokerage/market/products/{id}/candles"


def _refusal(message: str, error: str = "INVALID_ARGUMENT", status: int = 400) -> RefusedError:
    return RefusedError(Answer({"error": error, "error_details": message, "message": message}, status))


def _invalid(name: str) -> RefusedError:
    return _refusal(f"{name} argument is invalid")


class Coinbase(Exchange):
    """Newest first, both ends inclusive, 400 for ranges beyond 350 candles, quiet minutes missing."""

    name: ClassVar[str] = "coinbase"
    newest_first: ClassVar[bool] = True
    columns: ClassVar[Columns] = {
        "time": "start", "low": "low", "high": "high", "open": "open", "close": "close", "volume": "volume",
        "milliseconds": False,
    }  # fmt: skip

    def build_routes(self) -> tuple[Route, ...]:
        """Return the public paths; each is one request of the limit."""
        return (
            Route(_CANDLES_PATH, 1, self._candles),
            Route("/api/v3/brokerage/market/products/{id}/ticker", 1, self._ticker),
            Route("/api/v3/brokerage/market/products", 1, self._products),
            Route("/api/v3/brokerage/market/products/{id}", 1, lambda r: Answer(self._product(self._market(r), r))),
            Route("/api/v3/brokerage/time", 1, self._time),
        )

    def build_limiter(self, clock: Callable[[], float]) -> TokenBucket:
        """Return ten a second."""
        return TokenBucket(_PER_SECOND, _BURST, clock)

    def over_limit(self, verdict: Verdict, route: Route) -> Answer:
        """Return 429 without Retry-After."""
        return Answer({"error": "rate_limit_exceeded", "message": "Rate limit exceeded"}, 429)

    def unknown_path(self) -> Answer:
        """Return 404 in JSON."""
        return Answer({"error": "NOT_FOUND", "error_details": "", "message": "Not Found"}, 404)

    def _candles(self, request: Request) -> Answer:
        market = self._market(request)
        timeframe = GRANULARITIES.get(request.query.get("granularity", ""))
        if timeframe is None:
            raise _invalid("granularity")
        start, end = self._range_ms(request, timeframe)
        candles = self.book.between(market, timeframe, start, end + 1, request.now_ms)
        return Answer({"candles": self.wire_rows(market, candles, request, timeframe)})

    def _range_ms(self, request: Request, timeframe: str) -> tuple[int, int]:
        start, end = integer(request.query, "start", _invalid), integer(request.query, "end", _invalid)
        if start is None or end is None or start > end:
            raise _invalid("start and end")
        first = ceil_open(self.name, timeframe, start * 1000)
        if (end * 1000 - first) // duration_ms(timeframe) + 1 > _MAX_ROWS:
            raise _refusal(
                f"start and end argument is invalid - number of candles requested should be less than {_MAX_ROWS} "
            )
        return start * 1000, end * 1000

    def _market(self, request: Request) -> Market:
        id_ = request.path_parts["id"]
        market = self.market_by_id(id_, request)
        if market is None:
            raise _refusal(f"Product {id_} not supported", "NOT_FOUND", 404)
        return market

    def wire_row(self, market: Market, row: CandleRow, timeframe: str) -> dict[str, str]:
        """Return an object of text, `start` in seconds."""
        text = row_text(market, row)
        return {
            "start": str(row.open_time_ms // 1000),
            "low": text.low,
            "high": text.high,
            "open": text.open,
            "close": text.close,
            "volume": text.volume,
        }

    def _ticker(self, request: Request) -> Answer:
        """Return the newest `limit` trades, newest first."""
        market = self._market(request)
        limit = integer(request.query, "limit", _invalid)
        if limit is None or not 1 <= limit <= _MAX_TRADES:
            raise _invalid("limit")
        trades = self.book.latest_trades(market, limit, request.now_ms)
        return Answer({"trades": [_wire_trade(market, trade) for trade in reversed(trades)]})

    def _products(self, request: Request) -> Answer:
        """Return spot products, with or without `product_type`; there are no others here."""
        spot = request.query.get("product_type", "SPOT") == "SPOT"
        products = [self._product(market, request) for market in self.listed(request)] if spot else []
        return Answer({"products": products, "num_products": len(products)})

    def _product(self, market: Market, request: Request) -> dict[str, Any]:
        tick, lot = step(market.price_decimals), step(market.volume_decimals)
        trading = self.is_trading(market, request)
        return {
            "product_id": market.id,
            "base_increment": lot,
            "quote_increment": tick,
            "price_increment": tick,
            "quote_min_size": "1",
            "quote_max_size": "150000000",
            "base_min_size": lot,
            "base_max_size": "3400",
            "is_disabled": False,
            "status": "online" if trading else "delisted",
            "cancel_only": False,
            "limit_only": False,
            "post_only": False,
            "trading_disabled": not trading,
            "auction_mode": False,
            "product_type": "SPOT",
            "quote_currency_id": market.quote,
            "base_currency_id": market.base,
            "alias": "",
            "alias_to": [],
            "view_only": False,
            "display_name": market.id,
            "product_venue": "CBE",
        }

    def _time(self, request: Request) -> Answer:
        seconds = str(request.now_ms // 1000)
        return Answer({"iso": iso_utc(request.now_ms), "epochSeconds": seconds, "epochMillis": str(request.now_ms)})


def _wire_trade(market: Market, trade: Trade) -> dict[str, object]:
    price, volume = trade_text(market, trade)
    return {
        "trade_id": str(trade.id),
        "product_id": market.id,
        "price": price,
        "size": volume,
        "time": iso_utc(trade.time_ns // 1_000_000),
        "side": "BUY" if trade.side == "b" else "SELL",
        "exchange": "coinbase",
    }
