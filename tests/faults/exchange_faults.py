"""What exchanges, and the network before them, do wrong."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from candle_ingest.exchanges import bounded_http, ccxt_api
from tests.faults.fault import Fault, Under
from tests.faults.world import World

FIVE = ("binance", "coinbaseexchange", "kraken", "kucoin", "htx")
# Where the candles are; kraken's older ones are built from trades.
CANDLES = {
    "binance": "klines",
    "coinbaseexchange": "candles",
    "kraken": "OHLC",
    "kucoin": "candles",
    "htx": "candles",
    "coinbase": "candles",
    "okx": "candles",
    "bybit": "kline",
    "bitstamp": "ohlc",
    "gate": "candlesticks",
}


def simulated(kind: str, patches: dict[Any, dict[str, Any]] | None = None, **details: Any):
    """Switch a fault of the simulator on, for the candles only."""

    @contextmanager
    def switch_on(world: World, count: int | None) -> Iterator[None]:
        for module, values in (patches or {}).items():
            for name, value in values.items():
                world.patch.setattr(module, name, value)
        world.simulator.set_fault(world.exchange, kind, path=CANDLES[world.exchange], count=count, **details)
        yield
        world.simulator.clear_faults()

    return switch_on


@contextmanager
def refused(world: World, count: int | None) -> Iterator[None]:
    world.simulator.stop()
    yield
    world.simulator.start()


@contextmanager
def without_markets(world: World, count: int | None) -> Iterator[None]:
    """The exchange answers for its markets with JSON that holds none; nobody has them in the cache."""
    client = world.redis.address.client()
    client.delete(*client.scan_iter("candle_ingest:markets:*"))
    world.simulator.set_fault(world.exchange, "body", body='{"symbols": []}', path="exchangeInfo", count=count)
    yield
    world.simulator.clear_faults()


def _fault(name: str, injected: str, says: str, switch_on: Any, **more: Any) -> Fault:
    values = {"under": Under.RETRIED, "once": Under.HEALED, "exchanges": FIVE, **more}
    return Fault(area="Exchange", name=name, injected=injected, says=says, switch_on=switch_on, **values)


def _status(status: int, says: str, headers: dict[str, str] | None = None, **more: Any) -> Fault:
    name = f"HTTP {status}" + (f" with {', '.join(headers)}" if headers else "")
    return _fault(name, "simulator", says, simulated("status", status=status, headers=headers or {}), **more)


def _rows(name: str, kind: str, says: str, **more: Any) -> Fault:
    return _fault(name, f"simulator, `{kind}`", says, simulated(kind), **more)


CUT = r"NetworkError|RequestTimeout|not what its API describes"
SHORT_TIME_OUT = {ccxt_api: {"REQUEST_TIMEOUT_MS": 300}}
UNTRUSTED = r"rejected: 1 ×"
OFF_GRID = r"rows whose time is not on the candle grid|not what its API describes"
ELSEWHERE = r"of other times|do not reach over the window|rows whose time is not on the candle grid"
DEEP = "[" * 100_000

EXCHANGE_FAULTS = (
    _fault("time-out", "simulator, no answer in time", "RequestTimeout", simulated("delay", SHORT_TIME_OUT, seconds=1)),
    _fault("connection refused", "the exchange's port is closed", r"NetworkError", refused, once=None),
    _fault("reset before the answer", "simulator, `reset`", CUT, simulated("reset")),
    _fault("reset in the middle of a body", "simulator, `reset`", CUT, simulated("reset", when="middle")),
    _fault("cut-off JSON, connection closed", "simulator, `truncate`", CUT, simulated("truncate")),
    _fault("cut-off JSON, status 200", "simulator", CUT, simulated("body", body='[[1773100800000,"1","2","0.')),
    _status(429, "429|Too many requests|too-many-requests|Rate limit"),
    _status(429, "429|Too many requests|too-many-requests|Rate limit", {"Retry-After": "1"}),
    _status(418, "418", {"Retry-After": "120"}, once=Under.RETRIED, exchanges=("binance",)),
    _status(451, "refuses this country or address: use", under=Under.AT_ONCE, once=Under.AT_ONCE),
    _status(500, "500"),
    _status(502, "502"),
    _status(503, "503", {"Retry-After": "1"}),
    _fault("HTML with status 200", "simulator", "not what its API describes", simulated("body", body="html")),
    _fault("an empty body", "simulator", "not what its API describes", simulated("body", body="")),
    _fault("JSON of another shape", "simulator", "not what its API describes|ExchangeError|cannot be reached",
           simulated("body", body="json"), exchanges=("binance", "coinbaseexchange", "kraken", "htx")),
    _fault("JSON nested 100,000 deep", "simulator", "not what its API describes", simulated("body", body=DEEP)),
    _fault("a body of 200 MB", "simulator, `huge`; memory is bounded", r"the answer is larger than \d+ MB",
           simulated("huge", {bounded_http: {"LARGEST_ANSWER_BYTES": 4 * 2**20}}, megabytes=200)),
    _fault("200 MB, compressed to 200 kB", "simulator, `huge`", r"the answer is larger than \d+ MB",
           simulated("huge", {bounded_http: {"LARGEST_ANSWER_BYTES": 4 * 2**20}}, megabytes=200, compressed=True)),
    _fault("a body that drips", "simulator, a byte each 20 ms", r"the answer took longer than",
           simulated("drip", {bounded_http: {"LONGEST_ANSWER_SECONDS": 0.3}}, seconds=0.02, when="middle")),
    _fault("a head that drips", "simulator, a byte each 20 ms", r"RequestTimeout",
           simulated("drip", {bounded_http: {"LONGEST_ANSWER_SECONDS": 0.3}}, seconds=0.02, when="before")),
    _rows("a price of null", "null", UNTRUSTED, under=Under.OPEN),
    _rows("a row of nothing but null", "null_row", OFF_GRID),
    _rows("NaN", "nan", UNTRUSTED, under=Under.OPEN),
    _rows("infinity", "infinity", UNTRUSTED, under=Under.OPEN),
    _rows("a negative price", "negative", UNTRUSTED, under=Under.OPEN),
    _rows("a price of zero", "zero", UNTRUSTED, under=Under.OPEN),
    _rows("high below low", "high_below_low", UNTRUSTED, under=Under.OPEN),
    _rows("a time outside the window", "outside", ELSEWHERE,
          exchanges=("binance", "kraken", "kucoin", "htx")),
    _rows("seconds instead of milliseconds, or the reverse", "seconds_timestamps", f"{ELSEWHERE}|nor can the others"),
    _rows("a time twice with different values", "contradiction", UNTRUSTED, under=Under.OPEN),
    _rows("a time twice", "duplicate", "", under=Under.UNHARMED, once=Under.UNHARMED),
    _rows("rows in another order", "unsorted", "", under=Under.UNHARMED, once=Under.UNHARMED),
    _rows("the open candle among the closed", "open_candle", "rows of other times|of other times|^", once=None,
          under=Under.UNHARMED, exchanges=("kraken",)),
    _rows("a page from a cache: the rows of another window", "stale", ELSEWHERE,
          exchanges=("binance", "coinbaseexchange", "kucoin", "htx")),
    _fault("a market that disappears", "simulator, `gone`", "check that the exchange still lists this market",
           simulated("gone", market="BTC/USDT"), under=Under.AT_ONCE, once=Under.AT_ONCE,
           exchanges=("binance", "kucoin", "htx")),
    _fault("a list of markets without markets", "simulator", "the answer lists no spot market at all", without_markets,
           exchanges=("binance",)),
    _fault("binance says that the symbol is unknown", "simulator", "check that the exchange still lists this market",
           simulated("status", status=400, body=json.dumps({"code": -1121, "msg": "Invalid symbol."})),
           under=Under.AT_ONCE, once=Under.AT_ONCE, exchanges=("binance",)),
)  # fmt: skip
