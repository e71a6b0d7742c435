"""A year of history, against the time that the exchanges' limits alone take."""

import itertools
import multiprocessing
import os
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, wait
from datetime import UTC, datetime

from benchmarks.cpu import cpu_seconds
from benchmarks.figures import Figures, seconds_of
from benchmarks.result import Result, at_most
from benchmarks.sample import days
from benchmarks.sample_plan import PlannedRun, planned_run
from benchmarks.workbench import Workbench
from candle_ingest.core.window import MINUTE_MS, Window, split_rows
from candle_ingest.settings import PipelineSettings
from candle_ingest.tasks.aggregate_and_write import aggregate_and_write
from candle_ingest.tasks.fetch_candles import Summary, fetch_candles
from candle_ingest.tasks.fetch_request import FetchRequest
from candle_ingest.tasks.run import Run
from candle_ingest.tasks.validate_symbols import Plan

TICKERS = ["btcusd", "ethusd", "solusd"]
WHY = (
    "two cores are shared by eight tasks, InfluxDB and the simulator, and the CPU that they need together, half of a "
    "fetch's being ccxt's own parsing of rows, takes longer than these exchanges' limits."
)
# Slots of the pool that the settings name.
WORKERS = 8


def year_within_limits(bench: Workbench) -> Result:
    """The tasks as Airflow starts them, in eight processes that have imported all they need."""
    intervals = _fifths_of_a_month() if bench.quick else _months()
    needed = limit_seconds(intervals)
    with bench.task_environment(bench.limited_exchanges) as variables, _pool(variables) as pool:
        cpu = -cpu_seconds()
        seconds = seconds_of(lambda: _run_all(bench, pool, intervals))
        cpu += cpu_seconds()
    return Result(
        name="year",
        what=f"{'25 days' if bench.quick else 'a year'} of 3 symbols on binance and kucoin, fetched, written and "
        "merged: time against what the published limits alone take",
        figures=Figures((seconds / needed,)),
        target=at_most(1.25),
        detail=f"{len(intervals)} runs; the limits take {needed:.0f} s, all processes together {cpu:.0f} s of CPU",
        falls_short_because=WHY,
    )


def limit_seconds(intervals: Sequence[Window]) -> float:
    """The slower exchange decides: each asks for whole pages, at the pace of its limit."""
    return max(_pages(intervals, rows) * len(TICKERS) * seconds for rows, seconds in LIMITS.values())


# Rows of a page, and the seconds that a request takes of the published limit: weight 2 of 6000 a minute, and
# weight 3 of 2000 in 30 seconds.
LIMITS = {"binance": (1000, 60 * 2 / 6000), "kucoin": (1500, 30 * 3 / 2000)}


def _pages(intervals: Sequence[Window], rows: int) -> int:
    return sum(-(-interval.slots(MINUTE_MS) // rows) for interval in intervals)


def _months() -> list[Window]:
    starts = [int(datetime(2025, month, 1, tzinfo=UTC).timestamp() * 1000) for month in range(1, 13)]
    return [Window(start, end) for start, end in itertools.pairwise([*starts, days(365).end_ms])]


def _fifths_of_a_month() -> list[Window]:
    """Five runs, so that merges and fetches overlap as they do in a year."""
    return list(split_rows(days(25), MINUTE_MS, 5 * 24 * 60))


def _pool(variables: Mapping[str, str]) -> ProcessPoolExecutor:
    """Forked from one process that has imported all, as Airflow's scheduler does; all are there from the start."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["benchmarks.year_within_limits"])
    pool = ProcessPoolExecutor(WORKERS, context, _take, (dict(variables),))
    wait([pool.submit(time.sleep, 0.3) for _ in range(WORKERS)])
    return pool


def _run_all(bench: Workbench, pool: ProcessPoolExecutor, intervals: Sequence[Window]) -> None:
    """Each merge starts when the fetches of its run are done, while later runs are fetched."""
    settings = PipelineSettings(
        name="candle", exchanges=tuple(LIMITS), influxdb_bucket=bench.influxdb.new_bucket("year")
    )
    planned = [planned_run(settings, interval, TICKERS) for interval in intervals]
    fetches = [_submit_fetches(pool, one) for one in planned]
    merges = [_submit_merge(pool, one, own) for one, own in zip(planned, fetches, strict=True)]
    written = sum(sum(merge.result().values()) for merge in merges)
    least = 0.99 * len(TICKERS) * sum(interval.slots(MINUTE_MS) for interval in intervals)
    if written < least:
        raise RuntimeError(f"{written} candles were merged; at least {least:.0f} were expected")


def _submit_fetches(pool: ProcessPoolExecutor, planned: PlannedRun) -> list[Future[list[Summary]]]:
    return [pool.submit(_fetch, planned.run, request) for request in planned.plan.requests]


def _submit_merge(
    pool: ProcessPoolExecutor, planned: PlannedRun, fetches: Sequence[Future[list[Summary]]]
) -> Future[dict[str, int]]:
    summaries = [summary for fetch in fetches for summary in fetch.result()]
    return pool.submit(_merge, planned.run, planned.plan, summaries)


def _fetch(run: Run, request: FetchRequest) -> list[Summary]:
    return fetch_candles(run, [request])


def _merge(run: Run, plan: Plan, summaries: Sequence[Summary]) -> dict[str, int]:
    return aggregate_and_write(run, plan, summaries)


def _take(variables: Mapping[str, str]) -> None:
    os.environ.update(variables)
