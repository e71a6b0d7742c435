"""The cost of thousands of pairs over years, each measured against a target, on one large ledger."""

import json
import time
from collections.abc import Callable
from typing import Any

from benchmarks.figures import Figures, repeat, seconds_of
from benchmarks.large_ledger import EXCHANGES, NOW_MS, TODAY_MS, LargeLedger, large_ledger
from benchmarks.own_process import alone, peak_mb
from benchmarks.result import Result, at_most
from benchmarks.workbench import Workbench
from candle_ingest.candles.window import DAY_MS, Window
from candle_ingest.ledger.day_records import DAY_RECORDS, DayRecords
from candle_ingest.merging.day_merger import PAIRS_AT_A_TIME
from candle_ingest.planning.fetch_batch import FetchBatch, split_batches
from candle_ingest.planning.plan import Plan
from candle_ingest.planning.run import make_run
from candle_ingest.settings import PipelineSettings

KB = 1024
# Airflow's default for the most mapped instances of a task.
MAX_INSTANCES = 1024
# Coverage is added up by half-years, and open work is searched by fortnights: time grows with the number of days.
THREE_YEARS_DAYS = 3 * 365
_COUNT = """
from(bucket: bucket) |> range(start: time(v: start_ns), stop: time(v: stop_ns))
  |> filter(fn: (r) => r._measurement == "day_records" and r._field == "state") |> group() |> count()
"""


def ledger_points(bench: Workbench) -> Result:
    """Count the points that a day leaves once it is closed."""
    ledger = large_ledger(bench)
    day = {"start_ns": ledger.window.start_ms * 10**6, "stop_ns": (ledger.window.start_ms + DAY_MS) * 10**6}
    with bench.open_bucket(ledger.bucket) as bucket:
        [row] = bucket.query(_COUNT, **day)
    return Result(
        name="ledger_points",
        what=f"points of {DAY_RECORDS} for a closed day of {_size(ledger)}",
        figures=Figures((float(row["_value"]),)),
        unit="points",
        target=at_most(len(ledger.pairs) * len(EXCHANGES)),
    )


def ledger_read(bench: Workbench) -> Result:
    """Measure everything that the tasks of one run of catch-up read from the ledger, one after the other."""
    ledger = large_ledger(bench)
    batches = _batches(ledger)
    with bench.open_bucket(ledger.bucket) as bucket:
        records = DayRecords(bucket)
        figures = repeat(
            lambda: seconds_of(lambda: _read_as_catch_up(records, ledger, batches)), bench.repetitions(3, 1)
        )
    return Result(
        name="ledger_read",
        what=f"reading the ledger in one run of catch-up, {_size(ledger)}",
        figures=figures,
        unit="s",
        target=at_most(5),
        falls_short_because="each fetch reads three days of its pairs, and the merge today once more: InfluxDB sends a "
        "record as text, which is parsed and unpacked.",
    )


def _read_as_catch_up(records: DayRecords, ledger: LargeLedger, batches: list[FetchBatch]) -> None:
    three_days, two_days, today = (Window(TODAY_MS - days * DAY_MS, NOW_MS) for days in (2, 1, 0))
    for batch in batches:
        records.read(three_days, set(batch.markets), batch.exchange)
    for start in range(0, len(ledger.pairs), PAIRS_AT_A_TIME):
        pairs = set(ledger.pairs[start : start + PAIRS_AT_A_TIME])
        records.read(today, pairs)
        records.read_merges(two_days, pairs)


def ledger_repair(bench: Workbench) -> Result:
    """Measure how a repair plans after midnight, when all of yesterday is due; memory in a separate process."""
    ledger = large_ledger(bench)
    found = _measure_alone(bench, _plan_repair, ledger)
    rebuild_seconds = found[0]["rebuild_seconds"] * THREE_YEARS_DAYS / ledger.days
    return Result(
        name="ledger_repair",
        what=f"planning a repair when a whole day waits for its closing look, {_size(ledger)}",
        figures=Figures(tuple(one["seconds"] for one in found)),
        unit="s",
        target=at_most(10),
        detail=f"{_most_mb(found):.0f} MB at most, aim 300; {found[0]['due']:.0f} days due; "
        f"the index of open work of three years is rebuilt from the ledger in {rebuild_seconds:.0f} s",
    )


def _plan_repair(ledger: LargeLedger) -> dict[str, float]:
    from candle_ingest.connections import connect_influxdb, connect_redis, exchange_connection
    from candle_ingest.exchanges.client import ExchangeClient
    from candle_ingest.ledger.work_index import WorkIndex
    from candle_ingest.planning.repair import plan_repair
    from candle_ingest.store.bucket import InfluxBucket

    settings = _settings(ledger)
    run = make_run(settings, "repair", {}, None, None, NOW_MS)
    with connect_redis() as client, InfluxBucket(connect_influxdb(), ledger.bucket) as bucket:
        index = WorkIndex(client, bucket)
        rebuild_seconds = seconds_of(index.ensure)
        opened = {name: ExchangeClient(exchange_connection(name), redis_client=client) for name in EXCHANGES}
        markets: Any = {name: {pair: {"symbol": pair} for pair in ledger.pairs} for name in EXCHANGES}
        due, began = len(index.due(NOW_MS)), time.perf_counter()
        plan_repair(run, markets, {}, opened, bucket, client)
        seconds = time.perf_counter() - began
        client.flushdb()
    return {"seconds": seconds, "due": due, "rebuild_seconds": rebuild_seconds, "peak_mb": peak_mb()}


def ledger_coverage(bench: Workbench) -> Result:
    """Measure what `candle-ingest coverage` reads for the whole history; memory in a separate process."""
    ledger = large_ledger(bench)
    found, times = _measure_alone(bench, _read_coverage, ledger), THREE_YEARS_DAYS / ledger.days
    return Result(
        name="ledger_coverage",
        what=f"coverage over three years, {times:.1f} times that of {_size(ledger)}",
        figures=Figures(tuple(one["seconds"] * times for one in found)),
        unit="s",
        target=at_most(20),
        falls_short_because="InfluxDB takes seven seconds to add up the days of half a year, and half-years follow one "
        "another, as a query of three years runs into its time-out.",
        detail=f"{_most_mb(found):.0f} MB at most, aim 500",
    )


def _read_coverage(ledger: LargeLedger) -> dict[str, float]:
    from candle_ingest.connections import connect_influxdb
    from candle_ingest.reports.coverage_totals import read_pair_totals
    from candle_ingest.reports.expected_coverage import ExpectedCoverage
    from candle_ingest.store.bucket import InfluxBucket

    expected = ExpectedCoverage.of(_settings(ledger), NOW_MS)
    with InfluxBucket(connect_influxdb(), ledger.bucket) as bucket:
        seconds = seconds_of(lambda: read_pair_totals(bucket, ledger.window, ledger.pairs, expected))
    return {"seconds": seconds, "peak_mb": peak_mb()}


def run_xcom(bench: Workbench) -> Result:
    """Measure what the tasks of one run of catch-up pass to each other through Airflow's database."""
    ledger = large_ledger(bench)
    batches = _batches(ledger)
    plan = Plan(batches=batches, tickers=ledger.tickers, end_ms=NOW_MS)
    summary = {"batch": "coinbaseexchange:BTC/USD:125", "symbols": 125, "asked": 1250, "candles": 1250, "requests": 125}
    values = [ledger.tickers, plan.to_xcom(), [{"batch": batch.to_xcom()} for batch in batches]]
    size = len(json.dumps([*values, [summary] * len(batches), dict.fromkeys(ledger.pairs, 5)]))
    return Result(
        name="run_xcom",
        what=f"XCom of one run of catch-up, {_size(ledger)}",
        figures=Figures((size / KB,)),
        unit="kB",
        target=at_most(100),
        falls_short_because="it names the market of each of 16,000 pairs, in nine bytes.",
        detail=f"{len(batches)} mapped instances, each of which pulls its own batch",
    )


def _measure_alone(
    bench: Workbench, measure: Callable[[LargeLedger], dict[str, float]], ledger: LargeLedger
) -> list[dict[str, float]]:
    """Return the `seconds` and `peak_mb` of each repetition, each in a separate process."""
    with bench.task_environment(bench.limited_exchanges):
        return [alone(measure, ledger) for _ in range(bench.repetitions(3, 1))]


def _most_mb(found: list[dict[str, float]]) -> float:
    return max(one["peak_mb"] for one in found)


def _batches(ledger: LargeLedger) -> list[FetchBatch]:
    markets = {pair: f"{pair}T" for pair in ledger.pairs}
    settings = _settings(ledger)
    wanted = [FetchBatch(exchange=name, markets=markets) for name in EXCHANGES]
    return split_batches(wanted, MAX_INSTANCES, settings.symbols_per_fetch)


def _settings(ledger: LargeLedger) -> PipelineSettings:
    return PipelineSettings(name="candle", exchanges=EXCHANGES, influxdb_bucket=ledger.bucket)


def _size(ledger: LargeLedger) -> str:
    return f"{len(ledger.pairs):,} symbols × {len(EXCHANGES)} exchanges × {ledger.days:,} days"
