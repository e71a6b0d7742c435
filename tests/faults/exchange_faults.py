"""Faults of exchanges, and of the network between them and a task."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from candle_ingest.exchanges import bounded_http, ccxt_api
from tests.faults.fault import Fault, Outcome
from tests.faults.world import World
from tests.integration.steps import forget_markets

FIVE = ("binance", "coinbaseexchange", "kraken", "kucoin", "htx")
# A part of each exchange's path for candles. Kraken's older candles are built from trades instead.
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
    """Switch on a fault of the simulator, for candles only."""

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
    """Respond with an empty list of markets while none is cached."""
    forget_markets(world.redis.address)
    world.simulator.set_fault(world.exchange, "body", body='{"symbols": []}', path="exchangeInfo", count=count)
    yield
    world.simulator.clear_faults()


def _fault(name: str, injected: str, says: str, switch_on: Any, **more: Any) -> Fault:
    values = {"outcome": Outcome.RETRIED, "outcome_once": Outcome.RECOVERED, "exchanges": FIVE, **more}
    return Fault(area="Exchange", name=name, injected=injected, says=says, switch_on=switch_on, **values)


def _status(status: int, says: str, headers: dict[str, str] | None = None, **more: Any) -> Fault:
    name = f"HTTP {status}" + (f" with {', '.join(headers)}" if headers else "")
    return _fault(name, "simulator", says, simulated("status", status=status, headers=headers or {}), **more)


def _rows(name: str, kind: str, says: str, **more: Any) -> Fault:
    return _fault(name, f"simulator, `{kind}`", says, simulated(kind), **more)


CUT = r"NetworkError|RequestTimeout|not what its API describes"
SHORT_TIMEOUT = {ccxt_api: {"REQUEST_TIMEOUT_MS": 300}}
UNTRUSTED = r"rejected: 1 ×"
OFF_GRID = r"rows whose time is not on the candle grid|not what its API describes"
ELSEWHERE = r"of other times|do not cover the window|rows whose time is not on the candle grid"
DEEP = "[" * 100_000

EXCHANGE_FAULTS = (
    _fault("timeout", "simulator, no response in time", "RequestTimeout",
           simulated("delay", SHORT_TIMEOUT, seconds=1)),
    _fault("connection refused", "the exchange's port is closed", r"NetworkError", refused, outcome_once=None),
    _fault("connection reset before the response", "simulator, `reset`", CUT, simulated("reset")),
    _fault("connection reset in the middle of the body", "simulator, `reset`", CUT, simulated("reset", when="middle")),
    _fault("truncated JSON, connection closed", "simulator, `truncate`", CUT, simulated("truncate")),
    _fault("truncated JSON, status 200", "simulator", CUT, simulated("body", body='[[1773100800000,"1","2","0.')),
    _status(429, "429|Too many requests|too-many-requests|Rate limit"),
    _status(429, "429|Too many requests|too-many-requests|Rate limit", {"Retry-After": "1"}),
    _status(418, "418", {"Retry-After": "120"}, outcome_once=Outcome.RETRIED, exchanges=("binance",)),
    _status(451, "refuses this country or address: use", outcome=Outcome.AT_ONCE, outcome_once=Outcome.AT_ONCE),
    _status(500, "500"),
    _status(502, "502"),
    _status(503, "503", {"Retry-After": "1"}),
    _fault("HTML with status 200", "simulator", "not what its API describes", simulated("body", body="html")),
    _fault("an empty body", "simulator", "not what its API describes", simulated("body", body="")),
    _fault("JSON of an unexpected shape", "simulator", "not what its API describes|ExchangeError|cannot be reached",
           simulated("body", body="json"), exchanges=("binance", "coinbaseexchange", "kraken", "htx")),
    _fault("JSON nested 100,000 deep", "simulator", "not what its API describes", simulated("body", body=DEEP)),
    _fault("a body of 200 MB", "simulator, `huge`; memory is bounded", r"the answer is larger than \d+ MB",
           simulated("huge", {bounded_http: {"MAX_ANSWER_BYTES": 4 * 2**20}}, megabytes=200)),
    _fault("200 MB, compressed to 200 kB", "simulator, `huge`", r"the answer is larger than \d+ MB",
           simulated("huge", {bounded_http: {"MAX_ANSWER_BYTES": 4 * 2**20}}, megabytes=200, compressed=True)),
    _fault("a body that arrives byte by byte", "simulator, a byte every 20 ms", r"the answer took longer than",
           simulated("drip", {bounded_http: {"MAX_ANSWER_SECONDS": 0.3}}, seconds=0.02, when="middle")),
    _fault("headers that arrive byte by byte", "simulator, a byte every 20 ms", r"RequestTimeout",
           simulated("drip", {bounded_http: {"MAX_ANSWER_SECONDS": 0.3}}, seconds=0.02, when="before")),
    _rows("a price of null", "null", UNTRUSTED, outcome=Outcome.OPEN),
    _rows("a row of nulls", "null_row", OFF_GRID),
    _rows("NaN", "nan", UNTRUSTED, outcome=Outcome.OPEN),
    _rows("infinity", "infinity", UNTRUSTED, outcome=Outcome.OPEN),
    _rows("a negative price", "negative", UNTRUSTED, outcome=Outcome.OPEN),
    _rows("a price of zero", "zero", UNTRUSTED, outcome=Outcome.OPEN),
    _rows("high below low", "high_below_low", UNTRUSTED, outcome=Outcome.OPEN),
    _rows("a time outside the window", "outside", ELSEWHERE,
          exchanges=("binance", "kraken", "kucoin", "htx")),
    _rows("seconds instead of milliseconds, or the reverse", "seconds_timestamps", f"{ELSEWHERE}|so none is used"),
    _rows("the same time twice with different values", "contradiction", UNTRUSTED, outcome=Outcome.OPEN),
    _rows("the same row twice", "duplicate", "", outcome=Outcome.UNAFFECTED, outcome_once=Outcome.UNAFFECTED),
    _rows("rows in the wrong order", "unsorted", "", outcome=Outcome.UNAFFECTED, outcome_once=Outcome.UNAFFECTED),
    _rows("the open candle among the closed ones", "open_candle", "", outcome=Outcome.UNAFFECTED,
          outcome_once=None, exchanges=("kraken",)),
    _rows("a cached page with the rows of another window", "stale", ELSEWHERE,
          exchanges=("binance", "coinbaseexchange", "kucoin", "htx")),
    _fault("a market that disappears", "simulator, `gone`", "check that the exchange still lists this market",
           simulated("gone", market="BTC/USDT"), outcome=Outcome.AT_ONCE, outcome_once=Outcome.AT_ONCE,
           exchanges=("binance", "kucoin", "htx")),
    _fault("an empty list of markets", "simulator", "the answer lists no spot market at all", without_markets,
           exchanges=("binance",)),
    _fault("binance reports an unknown symbol", "simulator", "check that the exchange still lists this market",
           simulated("status", status=400, body=json.dumps({"code": -1121, "msg": "Invalid symbol."})),
           outcome=Outcome.AT_ONCE, outcome_once=Outcome.AT_ONCE, exchanges=("binance",)),
)  # fmt: skip
