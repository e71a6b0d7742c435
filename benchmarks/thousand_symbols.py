"""A thousand symbols on three exchanges in one run of catch-up, under a real Airflow."""

import threading
import time
from collections import defaultdict
from contextlib import closing

import psutil

from benchmarks.figures import Figures
from benchmarks.result import Result, at_most
from benchmarks.span import span_seconds
from benchmarks.workbench import Workbench
from candle_ingest.candles.window import MINUTE_MS, floor_ms
from candle_ingest.ledger.watermarks import INGESTOR, Watermarks, catch_up_key
from dev.exchange_simulator.process import SimulatorProcess
from dev.local_stack.airflow_api import Row
from dev.local_stack.postgres_server import PostgresServer
from tests.integration.servers.airflow_instance import AirflowInstance

DAG_ID = "candle_catch_up"
EXCHANGES = ("binance", "coinbaseexchange", "kucoin")
SYMBOLS_PER_FETCH = 100
BEHIND_MINUTES = 15
# Half of catch-up's schedule. coinbaseexchange alone answers 1,000 requests in 100 s.
MAX_SECONDS = 150
KB, MB = 1024, 1024**2


def thousand_symbols(bench: Workbench) -> Result:
    """Measure the seconds of a run over the last minutes, its XCom, and the memory of its largest task."""
    count = bench.repetitions(1000, 100)
    tickers = [f"SIM{n:03d}/USD" for n in range(1, count + 1)]
    bucket = bench.influxdb.new_bucket("bench")
    with (
        SimulatorProcess(extra_coins=count) as simulator,
        bench.airflow("thousand", simulator, tickers, _environment(bucket)) as airflow,
    ):
        memory = _PeakMemory(airflow)
        _pretend_to_be_up_to_date(bench, bucket, tickers)
        airflow.unpause(DAG_ID)
        run = airflow.wait_for_runs(DAG_ID, timeout_seconds=3600)[0]
        instances = airflow.task_instances(DAG_ID, run["dag_run_id"])
        memory.stop()
    return Result(
        name="thousand",
        what=f"{count:,} symbols × {len(EXCHANGES)} exchanges, {BEHIND_MINUTES} minutes behind, one run of catch-up",
        figures=Figures((span_seconds([run]),)),
        unit="s",
        target=at_most(MAX_SECONDS),
        falls_short_because="coinbaseexchange takes 100 s by its own limit; tasks, InfluxDB and simulator share "
        "two cores.",
        detail=_detail(run, instances, _xcom_bytes(airflow.database), memory.peak_bytes),
    )


def _environment(bucket: str) -> dict[str, str]:
    return {
        "CANDLE_INGEST_EXCHANGES": ",".join(EXCHANGES),
        "CANDLE_INGEST_BACKFILL_START_DATE": "skip",
        "CANDLE_INGEST_INFLUXDB_BUCKET": bucket,
        "CANDLE_INGEST_SYMBOLS_PER_FETCH": str(SYMBOLS_PER_FETCH),
    }


def _detail(run: Row, instances: list[Row], xcom_bytes: int, peak_bytes: int) -> str:
    steps = ", ".join(f"{name} {span_seconds(rows):.0f} s" for name, rows in _steps(instances).items())
    return (
        f"{run['state']}; {len(instances)} task instances, {SYMBOLS_PER_FETCH} symbols each; "
        f"XCom {xcom_bytes / KB:,.0f} kB; largest task {peak_bytes / MB:,.0f} MB; slowest steps: {steps}"
    )


def _pretend_to_be_up_to_date(bench: Workbench, bucket: str, tickers: list[str]) -> None:
    """Set watermarks a few minutes back, as between two runs of catch-up."""
    behind_ms = floor_ms(int(time.time() * 1000), MINUTE_MS) - BEHIND_MINUTES * MINUTE_MS
    with bench.open_bucket(bucket) as opened:
        Watermarks(opened).advance({(INGESTOR, catch_up_key(ticker)): behind_ms for ticker in tickers})


def _steps(instances: list[Row]) -> dict[str, list[Row]]:
    steps: dict[str, list[Row]] = defaultdict(list)
    for row in instances:
        steps[row["task_id"]].append(row)
    return steps


def _xcom_bytes(database: PostgresServer) -> int:
    with closing(database.connect()) as opened, opened.cursor() as cursor:
        cursor.execute("SELECT SUM(LENGTH(value::text)) FROM xcom")
        (total,) = cursor.fetchone()
    return int(total or 0)


class _PeakMemory:
    """Sample the resident memory of the scheduler's largest child process."""

    def __init__(self, airflow: AirflowInstance) -> None:
        self.peak_bytes = 0
        self._airflow = airflow
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the sampling."""
        self._done.set()
        self._thread.join()

    def _sample(self) -> None:
        while not self._done.wait(0.2):
            scheduler = self._airflow.running.get("scheduler")
            try:
                for child in psutil.Process(scheduler.pid).children(recursive=True) if scheduler else ():
                    self.peak_bytes = max(self.peak_bytes, child.memory_info().rss)
            except psutil.NoSuchProcess:
                continue
