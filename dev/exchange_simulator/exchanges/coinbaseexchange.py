"""Coinbase Exchange (its REST API docs: Get product candles, Get all known trading pairs, Rate limits)."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import ClassVar

from dev.exchange_simulator.exchanges.base import (
    Answer,
    Exchange,
    RefusedError,
    Request,
    Route,
    decimal_text,
    step,
)
from dev.exchange_simulator.markets import Market
from dev.exchange_simulator.mutations import Columns
from dev.exchange_simulator.rate_limits import TokenBucket, Verdict
from dev.exchange_simulator.served_rows import CandleRow
from dev.exchange_simulator.timeframes import ceil_open, duration_ms, iso_utc
from dev.exchange_simulator.trades import Trade

GRANULARITIES = {60: "1m", 300: "5m", 900: "15m", 3600: "1h", 21600: "6h", 86400: "1d"}
_MAX_ROWS = 300
# Public endpoints: 10 requests a second by IP, up to 15 in bursts.
_PER_SECOND, _BURST = 10.0, 15
# Recorded: `Cache-Control: public, max-age=300` on candles, hits on /products too.
_CACHED_SECONDS = 300
_MAX_TRADES = 1000
_NAMES = {"BTC": "Bitcoin", "ETH": "Ether", "USD": "United States Dollar", "EUR": "Euro", "USDT": "Tether"}


def _refusal(message: str, status: int = 400) -> RefusedError:
    return RefusedError(Answer({"message": message}, status))


def _time_ms(query: Mapping[str, str], name: str) -> int | None:
    """Return a time in the query in ms: ISO 8601 or seconds since 1970."""
    given = query.get(name)
    if not given:
        return None
    try:
        if given.isdigit():
            return int(given) * 1000
        parsed = datetime.fromisoformat(given)
    except ValueError:
        raise _refusal(f"Invalid {name} time") from None
    if parsed.tzinfo is None:
        parsed = parsed.replace(tzinfo=UTC)
    return int(parsed.timestamp() * 1000)


class CoinbaseExchange(Exchange):
    """Newest first, both ends inclusive, 400 for ranges beyond 300 candles, quiet minutes missing."""

    name: ClassVar[str] = "coinbaseexchange"
    newest_first: ClassVar[bool] = True
    columns: ClassVar[Columns] = {
        "time": 0, "low": 1, "high": 2, "open": 3, "close": 4, "volume": 5, "milliseconds": False,
    }  # fmt: skip

    def build_routes(self) -> tuple[Route, ...]:
        """Return the public paths; each is one request of the limit."""
        return (
            Route("/products/{id}/candles", 1, self._candles, _CACHED_SECONDS),
            Route("/products/{id}/trades", 1, self._trades),
            Route("/products", 1, self._products, _CACHED_SECONDS),
            Route("/products/{id}", 1, self._product_answer, _CACHED_SECONDS),
            Route("/currencies", 1, self._currencies, _CACHED_SECONDS),
            Route("/time", 1, self._time),
        )

    def build_limiter(self, clock: Callable[[], float]) -> TokenBucket:
        """Return ten a second, with bursts of 15."""
        return TokenBucket(_PER_SECOND, _BURST, clock)

    def over_limit(self, verdict: Verdict, route: Route) -> Answer:
        """Return 429 without Retry-After."""
        return Answer({"message": "Public rate limit exceeded"}, 429)

    def unknown_path(self) -> Answer:
        """Return 404 in JSON."""
        return Answer({"message": "NotFound"}, 404)

    def _candles(self, request: Request) -> Answer:
        market = self._market(request)
        timeframe = self._timeframe(request.query)
        start, end = _time_ms(request.query, "start"), _time_ms(request.query, "end")
        if start is None or end is None:
            # "If either is missing, both are ignored": the range is then the one that ends now.
            candles = self.book.last(market, timeframe, 0, request.now_ms + 1, _MAX_ROWS, request.now_ms)
        else:
            self._check_range(timeframe, start, end)
            candles = self.book.between(market, timeframe, start, end + 1, request.now_ms)
        return Answer(self.wire_rows(market, candles, request, timeframe))

    def _check_range(self, timeframe: str, start_ms: int, end_ms: int) -> None:
        if start_ms > end_ms:
            raise _refusal("start must be before end")
        first = ceil_open(self.name, timeframe, start_ms)
        if (end_ms - first) // duration_ms(timeframe) + 1 > _MAX_ROWS:
            raise _refusal(
                "granularity too small for the requested time range. "
                f"Count of aggregations requested exceeds {_MAX_ROWS}"
            )

    def _market(self, request: Request) -> Market:
        market = self.market_by_id(request.path_parts["id"], request)
        if market is None:
            raise _refusal("NotFound", 404)
        return market

    def _timeframe(self, query: Mapping[str, str]) -> str:
        granularity = query.get("granularity", "60")
        if not granularity.isdigit() or int(granularity) not in GRANULARITIES:
            raise _refusal("Unsupported granularity")
        return GRANULARITIES[int(granularity)]

    def wire_row(self, market: Market, row: CandleRow, timeframe: str) -> list[float]:
        """Return [time in seconds, low, high, open, close, volume] as numbers."""
        opened, open_, high, low, close, volume, *_ = row
        return [opened // 1000, low, high, open_, close, volume]

    def _trades(self, request: Request) -> Answer:
        """Return the newest trades, newest first; `side` is the maker's."""
        market = self._market(request)
        trades = self.book.latest_trades(market, _MAX_TRADES, request.now_ms)
        return Answer([_wire_trade(market, trade) for trade in reversed(trades)])

    def _products(self, request: Request) -> Answer:
        return Answer([self._product(market, request) for market in self.listed(request)])

    def _product_answer(self, request: Request) -> Answer:
        return Answer(self._product(self._market(request), request))

    def _product(self, market: Market, request: Request) -> dict[str, object]:
        trading = self.is_trading(market, request)
        return {
            "id": market.id,
            "base_currency": market.base,
            "quote_currency": market.quote,
            "quote_increment": step(market.price_decimals),
            "base_increment": step(market.volume_decimals),
            "display_name": f"{market.base}-{market.quote}",
            "min_market_funds": "1",
            "margin_enabled": False,
            "post_only": False,
            "limit_only": False,
            "cancel_only": False,
            "status": "online" if trading else "delisted",
            "status_message": "",
            "trading_disabled": not trading,
            "fx_stablecoin": False,
            "auction_mode": False,
        }

    def _currencies(self, request: Request) -> Answer:
        codes = dict.fromkeys(code for market in self.listed(request) for code in (market.base, market.quote))
        return Answer([self._currency(code) for code in codes])

    def _currency(self, code: str) -> dict[str, object]:
        precision = "0.01" if code in ("USD", "EUR") else "0.00000001"
        return {
            "id": code,
            "name": _NAMES.get(code, code),
            "min_size": precision,
            "status": "online",
            "message": "",
            "max_precision": precision,
            "convertible_to": [],
            "details": {"type": "fiat" if code in ("USD", "EUR") else "crypto"},
            "default_network": "",
            "supported_networks": [],
            "display_name": code,
        }

    def _time(self, request: Request) -> Answer:
        return Answer({"iso": iso_utc(request.now_ms), "epoch": request.now_ms / 1000})


def _wire_trade(market: Market, trade: Trade) -> dict[str, object]:
    price, volume = 10.0**market.price_decimals, 10.0**market.volume_decimals
    return {
        "trade_id": trade.id,
        "side": "sell" if trade.side == "b" else "buy",
        "size": decimal_text(8)(trade.volume / volume),
        "price": decimal_text(8)(trade.price / price),
        "time": iso_utc(trade.time_ns // 1_000_000),
    }
