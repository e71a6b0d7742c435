"""OKX spot (OKX API docs v5: Get candlesticks, Get candlesticks history, Get instruments, Error codes)."""

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
from dev.exchange_simulator.markets import Market
from dev.exchange_simulator.mutations import Columns
from dev.exchange_simulator.rate_limits import FixedWindow, Verdict
from dev.exchange_simulator.served_rows import CandleRow
from dev.exchange_simulator.timeframes import duration_ms, floor_open

# Bars of six hours and more have a twin without `utc` that opens on Hong Kong time; only these are served here.
BARS = {
    "1m": "1m", "3m": "3m", "5m": "5m", "15m": "15m", "30m": "30m", "1H": "1h", "2H": "2h", "4H": "4h",
    "6Hutc": "6h", "12Hutc": "12h", "1Dutc": "1d", "1Wutc": "1w", "1Mutc": "1M", "3Mutc": "3M",
}  # fmt: skip
_MAX_ROWS, _DEFAULT_ROWS = 300, 100
# "Maximum number of data entries" of the recent candles, the one in progress included.
_RECENT_ROWS = 1440
# By IP and path: 40 requests in 2 seconds for recent candles, 20 for older ones and for instruments.
_WEIGHT, _WINDOW_SECONDS = 40, 2


def _refusal(code: str, message: str) -> RefusedError:
    """Return a refusal: status 200 and a code."""
    return RefusedError(Answer({"code": code, "msg": message, "data": []}))


def _invalid(name: str) -> RefusedError:
    return _refusal("51000", f"Parameter {name} error")


def _data(data: list[Any]) -> Answer:
    return Answer({"code": "0", "msg": "", "data": data})


class Okx(Exchange):
    """Newest first, both ends exclusive, 100 rows by default, 300 at most, the newest of the range, quiet flat."""

    name: ClassVar[str] = "okx"
    newest_first: ClassVar[bool] = True
    limit_by_path: ClassVar[bool] = True
    columns: ClassVar[Columns] = {
        "time": 0, "open": 1, "high": 2, "low": 3, "close": 4, "volume": 5, "milliseconds": True,
    }  # fmt: skip

    def build_routes(self) -> tuple[Route, ...]:
        """Return recent candles, older candles, and the market list."""
        return (
            Route("/api/v5/market/candles", 1, lambda request: self._candles(request, _RECENT_ROWS)),
            Route("/api/v5/market/history-candles", 2, lambda request: self._candles(request, None)),
            Route("/api/v5/public/instruments", 2, self._instruments),
            Route("/api/v5/public/time", 4, lambda request: _data([{"ts": str(request.now_ms)}])),
        )

    def build_limiter(self, clock: Callable[[], float]) -> FixedWindow:
        """Return a weight for each path in two seconds."""
        return FixedWindow(_WEIGHT, _WINDOW_SECONDS, clock)

    def over_limit(self, verdict: Verdict, route: Route) -> Answer:
        """Return 429 with code 50011."""
        return Answer({"code": "50011", "msg": "Too Many Requests", "data": []}, 429)

    def unknown_path(self) -> Answer:
        """Return 404 in JSON."""
        return Answer({"code": "404", "msg": "Not Found", "data": []}, 404)

    def _candles(self, request: Request, kept_rows: int | None) -> Answer:
        """Return the rows between `before` and `after`, both exclusive, of the last `kept_rows` if there is an end."""
        market, timeframe, limit = self._arguments(request)
        before, after = integer(request.query, "before", _invalid), integer(request.query, "after", _invalid)
        start = 0 if before is None else before + 1
        if kept_rows is not None:
            current = floor_open(self.name, timeframe, request.now_ms)
            start = max(start, current - (kept_rows - 1) * duration_ms(timeframe))
        end = request.now_ms + 1 if after is None else after
        candles = self.book.last(market, timeframe, start, end, limit, request.now_ms)
        rows = self.wire_rows(market, candles, request, timeframe)
        return _data(rows)

    def _arguments(self, request: Request) -> tuple[Market, str, int]:
        """Return market, timeframe and row limit, or refuse."""
        market = self.market_by_id(request.query.get("instId", ""), request)
        if market is None:
            raise _refusal("51001", "Instrument ID, Instrument ID code, or Spread ID doesn't exist.")
        timeframe = BARS.get(request.query.get("bar", "1m"))
        if timeframe is None:
            raise _invalid("bar")
        limit = integer(request.query, "limit", _invalid)
        if limit is not None and limit < 1:
            raise _invalid("limit")
        return market, timeframe, min(limit or _DEFAULT_ROWS, _MAX_ROWS)

    def wire_row(self, market: Market, row: CandleRow, timeframe: str) -> list[str]:
        """Return [time in ms, o, h, l, c, base volume, quote volume, quote volume, complete], all text."""
        text = row_text(market, row)
        return [str(row.open_time_ms), *text, text.quote_volume, "1"]

    def mark_unfinished(self, row: list[str]) -> None:
        """Say in the last column whether the candle is complete."""
        row[8] = "0"

    def _instruments(self, request: Request) -> Answer:
        """Return spot instruments; other types have none."""
        kind = request.query.get("instType", "")
        if kind not in ("SPOT", "MARGIN", "SWAP", "FUTURES", "OPTION"):
            raise _invalid("instType")
        listed = self.listed(request) if kind == "SPOT" else []
        return _data([_instrument(market) for market in listed if self.is_trading(market, request)])


def _instrument(market: Market) -> dict[str, str]:
    return {
        "alias": "",
        "baseCcy": market.base,
        "category": "1",
        "ctMult": "",
        "ctType": "",
        "ctVal": "",
        "ctValCcy": "",
        "expTime": "",
        "instFamily": "",
        "instId": market.id,
        "instType": "SPOT",
        "lever": "",
        "listTime": str(market.listed_ms),
        "lotSz": step(market.volume_decimals),
        "maxLmtSz": "9999999999",
        "maxMktSz": "1000000",
        "minSz": step(market.volume_decimals),
        "optType": "",
        "quoteCcy": market.quote,
        "settleCcy": "",
        "state": "live",
        "stk": "",
        "tickSz": step(market.price_decimals),
        "uly": "",
    }
