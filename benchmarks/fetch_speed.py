"""Fetching a month of minutes, against a bare loop over `ccxt.fetch_ohlcv` with the same requests."""

from typing import Any

import ccxt

from benchmarks.figures import Figures, take_turns
from benchmarks.result import Result, at_least
from benchmarks.sample import BINANCE_BTC, NOW_MS, days
from benchmarks.workbench import Workbench
from candle_ingest.candles.timeframe import Timeframe
from candle_ingest.candles.window import DAY_MS, MINUTE_MS, Window, split_rows
from candle_ingest.connections import ExchangeConnection
from candle_ingest.exchanges.candle_pages import candle_pages
from candle_ingest.exchanges.client import ExchangeClient
from dev.exchange_simulator.process import SimulatorProcess

ROWS = 1000
DELAY_SECONDS = 0.08


def fetch_speed(bench: Workbench) -> Result:
    """Measure checking and storing in arrays, without limits or delay."""
    url = bench.unlimited_exchanges.exchange_url("binance")
    connection = ExchangeConnection("binance", url, {"rateLimit": 0.001})
    ours, bare = ExchangeClient(connection), bare_exchange(url, limited=False)
    window = days(bench.repetitions(30, 2))
    figures = take_turns(lambda: _fetch(ours, window), lambda: _bare_loop(bare, window), bench.repetitions(11, 1))
    return Result(
        name="fetch",
        what=f"{window.slots(DAY_MS)} days of minutes from binance, no limits, no delay: candle_pages against a bare "
        "fetch_ohlcv loop",
        figures=figures,
        target=at_least(0.9),
    )


def fetch_with_delay(bench: Workbench) -> Result:
    """Measure waiting for one response at a time, with the delay of a real exchange."""
    simulator = bench.limited_exchanges
    simulator.set_fault("binance", "delay", seconds=DELAY_SECONDS)
    try:
        figures = _with_delay(bench, simulator)
    finally:
        simulator.clear_faults()
    return Result(
        name="fetch_delayed",
        what="the same with 80 ms of delay per answer and binance's limit, shared through Redis",
        figures=figures,
        target=at_least(3),
    )


def _with_delay(bench: Workbench, simulator: SimulatorProcess) -> Figures:
    url = simulator.exchange_url("binance")
    ours = ExchangeClient(ExchangeConnection("binance", url), redis_client=bench.redis.client())
    bare = bare_exchange(url, limited=True)
    window = days(bench.repetitions(30, 2))
    return take_turns(lambda: _fetch(ours, window), lambda: _bare_loop(bare, window), bench.repetitions(3, 1))


def _fetch(exchange: ExchangeClient, window: Window) -> int:
    """Return the number of candles, from pages as a task gets them."""
    pages = candle_pages(exchange, BINANCE_BTC, [window], Timeframe(1), NOW_MS)
    return sum(len(page.checked.candles) for page in pages)


def bare_exchange(url: str, *, limited: bool) -> Any:
    """Return ccxt as it comes, with another base URL and one market; `limited` leaves its own throttle on."""
    api = ccxt.binance({"enableRateLimit": limited})
    api.urls["api"] = {key: url + path_of(address) for key, address in api.urls["api"].items()}
    api.set_markets([{**BINANCE_BTC, "spot": True, "type": "spot", "active": True}])
    return api


def path_of(address: str) -> str:
    """Return the path of a URL."""
    return "/" + address.split("/", 3)[3] if address.count("/") > 2 else ""


def _bare_loop(api: Any, whole: Window) -> int:
    rows: list[list[float]] = []
    for window in split_rows(whole, MINUTE_MS, ROWS):
        until = {"until": window.end_ms - MINUTE_MS}
        rows += api.fetch_ohlcv(BINANCE_BTC["symbol"], "1m", window.start_ms, window.slots(MINUTE_MS), until)
    return len(rows)
