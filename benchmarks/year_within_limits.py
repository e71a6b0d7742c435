"""A year of history, against the least time that the exchanges' limits allow, with narrow and with wide limits."""

import itertools
import multiprocessing
import os
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, wait
from contextlib import suppress
from datetime import UTC, datetime

from benchmarks.cpu import cpu_seconds
from benchmarks.figures import Figures, seconds_of
from benchmarks.published_limits import limit_seconds
from benchmarks.result import Result, Target, at_most
from benchmarks.sample import days
from benchmarks.sample_plan import PlannedRun, planned_run
from benchmarks.workbench import Workbench
from candle_ingest.candles.window import MINUTE_MS, Window, split_rows
from candle_ingest.connections import connect_influxdb
from candle_ingest.errors import IncompleteError
from candle_ingest.fetching.fetch_candles import fetch_candles
from candle_ingest.fetching.fetch_summary import Summary
from candle_ingest.merging.aggregate_and_write import aggregate_and_write
from candle_ingest.planning.fetch_batch import FetchBatch, split_batches
from candle_ingest.planning.plan import Plan
from candle_ingest.planning.run import Run
from candle_ingest.settings import PipelineSettings
from candle_ingest.store.bucket import InfluxBucket
from candle_ingest.store.flux import EVER, select

TICKERS = ["btcusd", "ethusd", "solusd"]
# As under Airflow: fetches share the slots of the pool that the settings name; merges need no slot of it.
FETCH_WORKERS, MERGE_WORKERS = 8, 2
# The first two of the default exchanges; the third, kraken, has no candles that old, only trades.
DEFAULT_EXCHANGES = ("binance", "coinbaseexchange")
# The exchanges whose limits allow the most candles per second.
WIDE_EXCHANGES = ("binance", "kucoin")


def year_within_limits(bench: Workbench) -> Result:
    """Run the tasks as Airflow does, in eight processes that have already imported everything."""
    return _year(bench, "year", DEFAULT_EXCHANGES, at_most(1.25))


def year_with_wide_limits(bench: Workbench) -> Result:
    """Run the same with limits so wide that the processor decides; there is no target."""
    return _year(bench, "year_wide", WIDE_EXCHANGES)


def _year(bench: Workbench, name: str, exchanges: Sequence[str], target: Target | None = None) -> Result:
    intervals = _fifths_of_a_month() if bench.quick else _months()
    settings = _settings(bench, exchanges)
    needed = limit_seconds(exchanges, len(TICKERS), intervals)
    with (
        bench.task_environment(bench.limited_exchanges) as variables,
        _pool(variables, FETCH_WORKERS) as fetchers,
        _pool(variables, MERGE_WORKERS) as mergers,
    ):
        cpu = -cpu_seconds()
        seconds = seconds_of(lambda: _run_all(_planned(settings, intervals), fetchers, mergers))
        cpu += cpu_seconds()
        _check_merged(settings, intervals)
    return Result(
        name=name,
        what=f"{'25 days' if bench.quick else 'a year'} of 3 symbols on {' and '.join(exchanges)}, fetched, written "
        "and merged: time against what the published limits alone take",
        figures=Figures((seconds / needed,)),
        target=target,
        detail=f"{len(intervals)} runs; the limits take {needed:.0f} s, all processes together {cpu:.0f} s of CPU",
    )


def _months() -> list[Window]:
    starts = [int(datetime(2025, month, 1, tzinfo=UTC).timestamp() * 1000) for month in range(1, 13)]
    return [Window(start, end) for start, end in itertools.pairwise([*starts, days(365).end_ms])]


def _fifths_of_a_month() -> list[Window]:
    """Return five windows of five days, so that merges and fetches overlap as they do in a year."""
    return list(split_rows(days(25), MINUTE_MS, 5 * 24 * 60))


def _pool(variables: Mapping[str, str], workers: int) -> ProcessPoolExecutor:
    """Return running workers, forked like Airflow's tasks from a process that has imported everything."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["benchmarks.year_within_limits"])
    pool = ProcessPoolExecutor(workers, context, _set_variables, (dict(variables),))
    wait([pool.submit(time.sleep, 0.3) for _ in range(workers)])
    return pool


def _settings(bench: Workbench, exchanges: Sequence[str]) -> PipelineSettings:
    bucket = bench.influxdb.new_bucket("year")
    # Otherwise kraken's limit for the trades of USDT/USD would decide: two hours for a year.
    return PipelineSettings(name="candle", exchanges=tuple(exchanges), influxdb_bucket=bucket, quote_conversion="par")


def _planned(settings: PipelineSettings, intervals: Sequence[Window]) -> list[PlannedRun]:
    return [planned_run(settings, interval, TICKERS) for interval in intervals]


def _run_all(planned: Sequence[PlannedRun], fetchers: ProcessPoolExecutor, mergers: ProcessPoolExecutor) -> None:
    """Start each merge when the fetches of its run are done, while later runs are fetched."""
    fetches = [_submit_fetches(fetchers, one) for one in planned]
    merges = [_submit_merge(mergers, one, own) for one, own in zip(planned, fetches, strict=True)]
    for merge in merges:
        merge.result()


def _check_merged(settings: PipelineSettings, intervals: Sequence[Window]) -> None:
    """Raise RuntimeError unless all but the minutes of outages are merged."""
    flux = select("candles", 'r._field == "close"', span=EVER) + "  |> group()\n  |> count()\n"
    with InfluxBucket(connect_influxdb(), settings.influxdb_bucket) as bucket:
        merged = sum(int(row["_value"]) for row in bucket.query(flux))
    least = 0.99 * sum(interval.slots(MINUTE_MS) * len(TICKERS) for interval in intervals)
    if merged < least:
        raise RuntimeError(f"{merged} candles are merged; at least {least:.0f} were expected")


def _submit_fetches(pool: ProcessPoolExecutor, planned: PlannedRun) -> list[Future[Summary]]:
    batches = split_batches(planned.plan.batches, 1024, 1)
    return [pool.submit(_fetch, planned.run, batch) for batch in batches]


def _submit_merge(pool: ProcessPoolExecutor, planned: PlannedRun, fetches: Sequence[Future[Summary]]) -> Future[None]:
    summaries = [fetch.result() for fetch in fetches]
    return pool.submit(_merge, planned.run, planned.plan, summaries)


def _fetch(run: Run, batch: FetchBatch) -> Summary:
    return fetch_candles(run, batch)


def _merge(run: Run, plan: Plan, summaries: Sequence[Summary]) -> None:
    """Merge what is settled: minutes of an outage of binance stay open until a later run asks for them again."""
    with suppress(IncompleteError):
        aggregate_and_write(run, plan, summaries)


def _set_variables(variables: Mapping[str, str]) -> None:
    os.environ.update(variables)
