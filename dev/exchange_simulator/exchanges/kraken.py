"""Kraken spot (Kraken API docs: Get OHLC Data, Get Recent Trades, Get Tradable Asset Pairs, Rate limits)."""

from collections.abc import Callable
from dataclasses import replace
from itertools import islice
from typing import Any, ClassVar

from dev.exchange_simulator.candle_columns import OPEN_TIME
from dev.exchange_simulator.exchanges.base import (
    Answer,
    Exchange,
    RefusedError,
    Request,
    Route,
    decimal_text,
    integer,
)
from dev.exchange_simulator.hashing import Ints
from dev.exchange_simulator.markets import KRAKEN_ALTNAMES, KRAKEN_ASSETS, Market, kraken_altname
from dev.exchange_simulator.mutations import Columns
from dev.exchange_simulator.rate_limits import CooldownLimit, Limiter, TokenBucket, Verdict
from dev.exchange_simulator.served_rows import CandleRow
from dev.exchange_simulator.timeframes import floor_open, iso_utc
from dev.exchange_simulator.trades import Trade

INTERVALS = {
    1: "1m", 5: "5m", 15: "15m", 30: "30m", 60: "1h", 240: "4h", 1440: "1d", 10080: "1w", 21600: "15d",
}  # fmt: skip
# "Returns up to 720 of the most recent entries (older data cannot be retrieved, regardless of the value of
# since)"; the entry of the current, not yet committed interval comes on top.
_CLOSED_ROWS = 720
_MAX_TRADES = 1000
# OHLC and Trades are limited "by IP address and currency pair", other calls by IP (Kraken support, API rate limits).
# At one call a second the 103rd was refused, then about one in five (ccxt #20648): a limit of one call in 1.2 s.
_PAIR_SECONDS, _PAIR_BURST = 1.2, 17.9
# "About one request a second" for other calls; the docs name no burst, a small one spares paced clients.
_PER_SECOND, _BURST = 1.0, 5
# Nothing is documented for one IP and many pairs; chosen here.
_IP_PER_SECOND, _IP_BURST = 5.0, 15
# "If the rate limits are reached, additional calls will be restricted for a few seconds (or possibly longer if calls
# continue to be made while the rate limits are active)" (Kraken support, API rate limits). Three are chosen here. For a
# pair, only one call in five was refused, without such a pause (ccxt #20648): the pause belongs to the address limits.
_RESTRICTED_SECONDS = 3.0
_BY_PAIR = ("/0/public/OHLC", "/0/public/Trades")
# A `since` of trades with fewer digits than this is in seconds, else in nanoseconds; the exchange takes both.
_SECONDS_BELOW = 10**12
# Market list of 2021: dark pools are listed beside the pairs.
_DARK_POOLS = ("XETHXXBT", "XETHZEUR", "XETHZUSD", "XXBTZEUR", "XXBTZUSD")


def _address_limit(clock: Callable[[], float]) -> Limiter:
    return CooldownLimit(TokenBucket(_IP_PER_SECOND, _IP_BURST, clock), _RESTRICTED_SECONDS, clock)


def _refusal(error: str) -> RefusedError:
    """Return a refusal: status 200 and an error list."""
    return RefusedError(Answer({"error": [error]}))


def _invalid(name: str) -> RefusedError:
    return _refusal(f"EGeneral:Invalid arguments:{name}")


class Kraken(Exchange):
    """Ascending, `since` exclusive, the last 720 closed candles and the open one only, quiet minutes flat."""

    name: ClassVar[str] = "kraken"
    columns: ClassVar[Columns] = {
        "time": 0, "open": 1, "high": 2, "low": 3, "close": 4, "vwap": 5, "volume": 6, "milliseconds": False,
    }  # fmt: skip

    def build_routes(self) -> tuple[Route, ...]:
        """Return the public paths; each counts one."""
        return (
            Route("/0/public/OHLC", 1, self._ohlc),
            Route("/0/public/Trades", 1, self._trades),
            Route("/0/public/Assets", 1, self._assets),
            Route("/0/public/AssetPairs", 1, self._asset_pairs),
            Route("/0/public/Time", 1, lambda request: _result({"unixtime": request.now_ms // 1000})),
            Route("/0/public/SystemStatus", 1, self._system_status),
        )

    def build_limiter(self, clock: Callable[[], float]) -> Limiter:
        """Return one a second, five at once."""
        return CooldownLimit(TokenBucket(_PER_SECOND, _BURST, clock), _RESTRICTED_SECONDS, clock)

    def spend(self, route: Route, request: Request) -> Verdict:
        """Count a call for candles or trades against its pair, and against the address."""
        if route.template not in _BY_PAIR:
            return super().spend(route, request)
        pair = request.query.get("pair", "")
        pair_limit = self.limiter(f"pair {pair}", lambda clock: TokenBucket(1 / _PAIR_SECONDS, _PAIR_BURST, clock))
        address_limit = self.limiter("address", _address_limit)
        verdict = address_limit.spend(route.weight)
        return verdict if not verdict.allowed else replace(pair_limit.spend(route.weight), by_pair=True)

    def over_limit(self, verdict: Verdict, route: Route) -> Answer:
        """Return status 200 with one of two texts, for the limit of a pair or of the address."""
        return Answer({"error": ["EGeneral:Too many requests" if verdict.by_pair else "EAPI:Rate limit exceeded"]})

    def unknown_path(self) -> Answer:
        """Return status 404 and an error list."""
        return Answer({"error": ["EGeneral:Unknown method"]}, 404)

    def _market(self, request: Request) -> Market:
        """Return the market by id, short name or slashed name."""
        pair = request.query.get("pair")
        if not pair:
            raise _refusal("EGeneral:Invalid arguments")
        for market in self.listed(request):
            if pair in (market.id, kraken_altname(market.base, market.quote), _slashed(market)):
                return market
        raise _refusal("EQuery:Unknown asset pair")

    def _ohlc(self, request: Request) -> Answer:
        market = self._market(request)
        minutes = integer(request.query, "interval", _invalid)
        timeframe = INTERVALS.get(1 if minutes is None else minutes)
        if timeframe is None:
            raise _invalid("interval")
        since = integer(request.query, "since", _invalid) or 0
        candles = self._latest(market, timeframe, floor_open(self.name, timeframe, since * 1000), request)
        candles = candles[candles[:, OPEN_TIME] > since * 1000]
        known = candles if len(candles) > 1 else self._latest(market, timeframe, 0, request)
        last_closed = int(known[-2, OPEN_TIME]) // 1000 if len(known) > 1 else since
        return _result({market.id: self.wire_rows(market, candles, request, timeframe), "last": last_closed})

    def _latest(self, market: Market, timeframe: str, start_ms: int, request: Request) -> Ints:
        """Return the candles since `start_ms` that are served: the last closed ones, and the open one."""
        return self.book.last(market, timeframe, start_ms, request.now_ms + 1, _CLOSED_ROWS + 1, request.now_ms)

    def wire_row(self, market: Market, row: CandleRow, timeframe: str) -> list[object]:
        """Return [time in seconds, o, h, l, c, vwap, v, trades]; a flat candle has vwap 0.0."""
        opened, open_, high, low, close, volume, count, quote, *_ = row
        price = decimal_text(market.price_decimals)
        vwap = price(quote / volume) if count else "0.0"
        base = decimal_text(max(8, market.volume_decimals))(volume)
        return [opened // 1000, price(open_), price(high), price(low), price(close), vwap, base, count]

    def _trades(self, request: Request) -> Answer:
        market = self._market(request)
        count = integer(request.query, "count", _invalid)
        since = integer(request.query, "since", _invalid)
        if count is not None and not 1 <= count <= _MAX_TRADES:
            raise _invalid("count")
        count = count or _MAX_TRADES
        if since is None:
            trades = self.book.latest_trades(market, count, request.now_ms)
        else:
            since_ns = since * 10**9 if since < _SECONDS_BELOW else since
            trades = list(islice(self.book.trades_after(market, since_ns, request.now_ms), count))
        trades = [] if request.empty else trades
        last = str(trades[-1].time_ns if trades else since or 0)
        rows = [_wire_trade(market, trade) for trade in trades]
        if request.false_fact == "cursor":
            last = str(since or 0)
        if request.zero_ids:
            rows = [[*row[:-1], 0] for row in rows]
        return _result({market.id: rows, "last": last})

    def _assets(self, request: Request) -> Answer:
        codes = dict.fromkeys(code for market in self.listed(request) for code in (market.base, market.quote))
        return _result({KRAKEN_ASSETS.get(code, code): _asset(code) for code in codes})

    def _asset_pairs(self, request: Request) -> Answer:
        pairs = {market.id: self._pair(market, request) for market in self.listed(request)}
        if request.dark_pools or request.false_fact == "symbols":
            suffix = ".d" if request.dark_pools else ".x"
            pairs |= {f"{id_}{suffix}": _dark_pool(pairs[id_]) for id_ in _DARK_POOLS if id_ in pairs}
        return _result(pairs)

    def _pair(self, market: Market, request: Request) -> dict[str, Any]:
        return {
            "altname": kraken_altname(market.base, market.quote),
            "wsname": _slashed(market),
            "aclass_base": "currency",
            "base": KRAKEN_ASSETS.get(market.base, market.base),
            "aclass_quote": "currency",
            "quote": KRAKEN_ASSETS.get(market.quote, market.quote),
            "lot": "unit",
            "cost_decimals": 5,
            "pair_decimals": market.price_decimals,
            "lot_decimals": market.volume_decimals,
            "lot_multiplier": 1,
            "leverage_buy": [],
            "leverage_sell": [],
            "fees": [[0, 0.4]],
            "fees_maker": [[0, 0.25]],
            "fee_volume_currency": "ZUSD",
            "margin_call": 80,
            "margin_stop": 40,
            "ordermin": "0.00005",
            "costmin": "0.5",
            "tick_size": f"{10**-market.price_decimals:.{market.price_decimals}f}",
            "status": "online" if self.is_trading(market, request) else "cancel_only",
        }

    def _system_status(self, request: Request) -> Answer:
        return _result({"status": "online", "timestamp": iso_utc(request.now_ms)})


def _dark_pool(pair: dict[str, Any]) -> dict[str, Any]:
    """Return the same pair with its own short name, and no name for websockets."""
    return {key: value for key, value in pair.items() if key != "wsname"} | {"altname": f"{pair['altname']}.d"}


def _result(result: dict[str, Any]) -> Answer:
    return Answer({"error": [], "result": result})


def _slashed(market: Market) -> str:
    base, quote = (KRAKEN_ALTNAMES.get(code, code) for code in (market.base, market.quote))
    return f"{base}/{quote}"


def _asset(code: str) -> dict[str, object]:
    fiat = code in ("USD", "EUR")
    return {
        "aclass": "currency",
        "altname": KRAKEN_ALTNAMES.get(code, code),
        "decimals": 4 if fiat else 10,
        "display_decimals": 2 if fiat else 5,
        "status": "enabled",
    }


def _wire_trade(market: Market, trade: Trade) -> list[object]:
    """Return [price, volume, time in seconds, side, type, miscellaneous, trade id]."""
    return [
        decimal_text(market.price_decimals)(trade.price / 10.0**market.price_decimals),
        decimal_text(max(8, market.volume_decimals))(trade.volume / 10.0**market.volume_decimals),
        round(trade.time_ns / 1e9, 7),
        trade.side,
        "l" if trade.id % 3 else "m",
        "",
        trade.id,
    ]
