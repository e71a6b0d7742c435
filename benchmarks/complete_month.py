"""`python -m benchmarks.complete_month --days 30 --processes 4`: is everything there, with how many calls?

Fetches days of 1-minute candles of several symbols from the simulated exchanges, under their published limits,
by the steps of real runs on a real Redis and a real InfluxDB, spread over worker processes. Then it compares what
is stored with the simulator's truth, candle by candle, and the simulator's count of calls with the fewest possible.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from candle_ingest.core.call_estimate import candle_calls
from candle_ingest.core.candles import Candles
from candle_ingest.core.exchange_facts import exchange_facts
from candle_ingest.core.history import split_by_age
from candle_ingest.core.merging import merge_candles
from candle_ingest.core.window import DAY_MS, MINUTE_MS, Window, split_days
from candle_ingest.settings import PipelineSettings
from include.exchange_simulator.candle_book import CandleBook
from include.exchange_simulator.coins import utc_ms
from include.exchange_simulator.markets import find_market
from include.exchange_simulator.minute_candles import COUNT
from include.exchange_simulator.process import SimulatorProcess
from include.exchange_simulator.synthetic_market import true_candles
from tests.integration.servers.environment import connection_variables
from tests.integration.servers.storage import running_influxdb, running_redis

EXCHANGES = ("binance", "coinbaseexchange", "kraken", "kucoin", "htx")
SYMBOLS = ("btcusd", "ethusd", "solusd", "xrpusd", "adausd")
END_MS = utc_ms("2026-04-01")
NOW_MS = END_MS + MINUTE_MS
CANDLE_PATHS = ("klines", "candles", "OHLC", "Trades")
# Requests a second that the exchange allows for candles, without bursts.
PERMITTED_PER_SECOND = {"binance": 50.0, "coinbaseexchange": 10.0, "kraken": 1.0, "kucoin": 22.2, "htx": 10.0}
TRADES_PER_CALL = 1000


@dataclass(frozen=True, kw_only=True)
class ExchangeResult:
    """What came of one exchange: candles that should be there, those that are, calls, and how fast."""

    exchange: str
    expected: int
    equal: int
    calls: int
    fewest_calls: int
    rejected: int
    calls_per_second: float

    @property
    def used(self) -> float:
        """The share of the permitted rate that was used, from the first to the last call."""
        return self.calls_per_second / PERMITTED_PER_SECOND[self.exchange]


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What came of all."""

    exchanges: list[ExchangeResult]
    merged_expected: int
    merged_equal: int
    failures: list[str]
    seconds: float


def run(
    days: int, symbols: Sequence[str], processes: int, folder: Path, exchanges: Sequence[str] = EXCHANGES
) -> Outcome:
    """Fetch, merge and compare the `days` before the frozen present."""
    window = Window(END_MS - days * DAY_MS, END_MS)
    with (
        running_redis(folder / "redis") as redis,
        running_influxdb(folder / "influxdb") as influxdb,
        SimulatorProcess(now_ms=NOW_MS, request_log=folder / "requests.jsonl") as simulator,
        _environment(connection_variables(redis, influxdb, simulator)),
    ):
        redis.client().set("top_cryptocurrencies", json.dumps(list(symbols)))
        settings = PipelineSettings(
            name="candle", exchanges=tuple(exchanges), settle_seconds=0, influxdb_bucket=influxdb.new_bucket()
        )
        began = time.monotonic()
        failures = _fetch_and_merge(settings, window, processes)
        seconds = time.monotonic() - began
        results = [_result(settings, name, symbols, window, simulator, folder) for name in exchanges]
        merged = [_compare_merged(settings, symbol, window) for symbol in symbols]
    return Outcome(
        exchanges=results,
        merged_expected=sum(expected for expected, _ in merged),
        merged_equal=sum(equal for _, equal in merged),
        failures=failures,
        seconds=seconds,
    )


@contextmanager
def _environment(variables: dict[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})


def _fetch_and_merge(settings: PipelineSettings, window: Window, processes: int) -> list[str]:
    """All days: plan, fetch in the worker processes, merge; what failed."""
    from candle_ingest.tasks.aggregate_and_write import aggregate_and_write
    from candle_ingest.tasks.read_symbols import read_symbols
    from candle_ingest.tasks.run import make_run
    from candle_ingest.tasks.validate_symbols import validate_symbols

    make = partial(make_run, settings, "backfill", {}, origin_ms=window.start_ms, now_ms=NOW_MS)
    runs = [make(day) for day in split_days(window)]
    plans = [validate_symbols(run, read_symbols(run)) for run in runs]
    failures: list[str] = []
    # Forked, as Airflow's own workers are.
    with ProcessPoolExecutor(processes, mp_context=multiprocessing.get_context("fork")) as pool:
        # Exchange by exchange, so that the slow ones start at once.
        asked = [(run, request) for run, plan in zip(runs, plans, strict=True) for request in plan.requests]
        asked.sort(key=lambda item: PERMITTED_PER_SECOND[item[1].exchange])
        summaries: dict[Any, list[Any]] = {}
        for (run, _), (summary, failure) in zip(asked, pool.map(_fetch, *zip(*asked, strict=True)), strict=True):
            summaries.setdefault(run.interval, []).extend(summary)
            failures += failure
    for run, plan in zip(runs, plans, strict=True):
        aggregate_and_write(run, plan, summaries.get(run.interval, []))
    return failures


def _fetch(run: Any, request: Any) -> tuple[list[Any], list[str]]:
    from candle_ingest.errors import CandleIngestError
    from candle_ingest.tasks.fetch_candles import fetch_candles

    try:
        return fetch_candles(run, [request]), []
    except CandleIngestError as error:
        return [], [f"{request}: {error}"]


def _result(
    settings: PipelineSettings,
    exchange: str,
    symbols: Sequence[str],
    window: Window,
    simulator: SimulatorProcess,
    folder: Path,
) -> ExchangeResult:
    counts = [(path, count) for path, count in simulator.requests()[exchange].items()]
    compared = [_compare_exchange(settings, exchange, symbol, window) for symbol in symbols]
    return ExchangeResult(
        exchange=exchange,
        expected=sum(expected for expected, _ in compared),
        equal=sum(equal for _, equal in compared),
        calls=sum(count["accepted"] for path, count in counts if path.rsplit("/", 1)[1] in CANDLE_PATHS),
        fewest_calls=sum(fewest_calls(exchange, symbol, day) for symbol in symbols for day in split_days(window)),
        rejected=sum(count["rejected"] for _, count in counts),
        calls_per_second=_calls_per_second(exchange, folder),
    )


def _calls_per_second(exchange: str, folder: Path) -> float:
    lines = map(json.loads, (folder / "requests.jsonl").read_text().splitlines())
    times = [r["time_ms"] for r in lines if r["exchange"] == exchange and r["path"].rsplit("/", 1)[1] in CANDLE_PATHS]
    return 1000 * (len(times) - 1) / max(1, max(times) - min(times)) if times else 0.0


def market_of(exchange: str, ticker: str) -> str:
    """BTC/USD or BTC/USDT, whichever the package takes first."""
    quote = "USD" if exchange in ("coinbaseexchange", "kraken") else "USDT"
    return f"{ticker.removesuffix('usd').upper()}/{quote}"


def truth(exchange: str, ticker: str, window: Window) -> list[tuple[float, ...]]:
    """The candles that must be stored. Where kraken's are built from trades, a minute without any has none."""
    rows = true_candles(exchange, market_of(exchange, ticker), window.start_ms, window.end_ms)
    old, _ = split_by_age(exchange_facts(exchange), window, MINUTE_MS, MINUTE_MS, NOW_MS)
    return [row for row in rows if row[5] > 0 or exchange != "kraken" or row[0] >= old.end_ms]


def fewest_calls(exchange: str, ticker: str, day: Window) -> int:
    """The calls that one day of one market takes at least, fetched by itself."""
    facts = exchange_facts(exchange)
    old, recent = split_by_age(facts, day, MINUTE_MS, MINUTE_MS, NOW_MS)
    calls = candle_calls(facts, recent, MINUTE_MS)
    if not old:
        return calls
    market = find_market(exchange, market_of(exchange, ticker))
    candles = CandleBook().between(market, "1m", old.start_ms, old.end_ms, NOW_MS)
    # One trade beyond the window shows that there are no more in it; each further answer repeats the last trade.
    further = int(candles[:, COUNT].sum()) + 1 - TRADES_PER_CALL
    return calls + 1 + max(0, -(-further // (TRADES_PER_CALL - 1)))


def _stored(settings: PipelineSettings, measurement: str, pair: str, exchange: str | None = None) -> list[tuple]:
    from tests.integration.steps import stored

    return stored(settings.influxdb_bucket, measurement, pair, exchange)


def _pair(ticker: str) -> str:
    return f"{ticker.removesuffix('usd').upper()}/USD"


def _compare_exchange(settings: PipelineSettings, exchange: str, ticker: str, window: Window) -> tuple[int, int]:
    expected = truth(exchange, ticker, window)
    found = _stored(settings, "exchange_candles", _pair(ticker), exchange)
    return _compared(expected, [row for row in found if row[0] < window.end_ms])


def _compare_merged(settings: PipelineSettings, ticker: str, window: Window) -> tuple[int, int]:
    parts = {name: Candles.from_rows(truth(name, ticker, window)) for name in settings.exchanges}
    return _compared(merge_candles(parts).candles.rows(), _stored(settings, "candles", _pair(ticker)))


def _compared(expected: list[tuple], found: list[tuple]) -> tuple[int, int]:
    """How many rows there should be or are, and how many of them are the same."""
    return len(set(expected) | set(found)), len(set(expected) & set(found))


def _print(outcome: Outcome) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    table.add_column("exchange")
    for name in ("candles", "equal to the truth", "calls", "fewest", "rejected", "limit used"):
        table.add_column(name, justify="right")
    for result in outcome.exchanges:
        table.add_row(
            result.exchange, f"{result.expected:,}", f"{100 * result.equal / result.expected:.3f} %",
            f"{result.calls:,}", f"{result.fewest_calls:,}", f"{result.rejected}", f"{100 * result.used:.1f} %",
        )  # fmt: skip
    share = 100 * outcome.merged_equal / outcome.merged_expected
    table.add_row("merged", f"{outcome.merged_expected:,}", f"{share:.3f} %")
    console = Console()
    console.print(table)
    console.print(f"{outcome.seconds:,.0f} s; {len(outcome.failures)} fetches failed")
    for failure in outcome.failures:
        console.print(failure)


def main() -> int:
    """Exit status 0 only if all is there and nothing was rejected."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.complete_month", description=__doc__)
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--symbols", default=",".join(SYMBOLS))
    parser.add_argument("--processes", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="candle-ingest-") as name:
        os.environ["AIRFLOW_HOME"] = name
        outcome = run(options.days, options.symbols.split(","), options.processes, Path(name))
    _print(outcome)
    complete = all(r.equal == r.expected and not r.rejected for r in outcome.exchanges)
    return 0 if complete and outcome.merged_equal == outcome.merged_expected and not outcome.failures else 1


if __name__ == "__main__":
    sys.exit(main())
