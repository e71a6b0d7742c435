"""The task instances of `candle_backfill` that a real Airflow runs per second, against tasks that do nothing."""

import shutil
from datetime import date, datetime, timedelta

from benchmarks.figures import Figures
from benchmarks.result import Result, at_least
from benchmarks.sample import calm_days
from benchmarks.span import span_seconds
from benchmarks.workbench import Workbench
from dev.exchange_simulator.process import SimulatorProcess
from dev.local_stack.airflow_api import Row
from dev.local_stack.airflow_processes import REPOSITORY
from tests.integration.servers.airflow_instance import AirflowInstance

OURS, BARE = "candle_backfill", "same_shape"
TICKERS = ("btcusd", "ethusd", "solusd")
EXCHANGES = ("binance", "coinbaseexchange", "kucoin")
DAYS, TURNS = 4, 7
FIRST_DAY = calm_days(EXCHANGES, DAYS * TURNS, date(2025, 3, 1))
# The same steps, number of instances and schedule; its tasks import nothing and do nothing.
_SAME_SHAPE = f'''
"""An airflow dag of the shape of candle_backfill."""
from datetime import UTC, datetime
from airflow.sdk import DAG, CronDataIntervalTimetable, TriggerRule, task

with DAG(
    "{BARE}", schedule=CronDataIntervalTimetable("@daily", timezone="UTC"), start_date=datetime(2025, 1, 1, tzinfo=UTC),
    catchup=False,
):
    @task
    def read_symbols():
        return {list(TICKERS)}

    @task
    def validate_symbols(tickers):
        return [{{"batch": [number]}} for number in range({len(TICKERS) * len(EXCHANGES)})]

    @task
    def fetch_candles(batch):
        return batch

    @task(trigger_rule=TriggerRule.ALL_DONE)
    def aggregate_and_write(batches, summaries):
        return len(summaries)

    planned = validate_symbols(read_symbols())
    aggregate_and_write(planned, fetch_candles.expand_kwargs(planned))
'''


def backfill_rate(bench: Workbench) -> Result:
    """Run backfills of a few days in turns on the same Airflow, with PostgreSQL and LocalExecutor."""
    days, turns = bench.repetitions(DAYS, 2), bench.repetitions(TURNS, 1)
    with SimulatorProcess(limits=False) as exchanges, _airflow(bench, exchanges) as airflow:
        for dag_id in (OURS, BARE):
            # Wait for yesterday's scheduled run: it would take part in the measurement, and it warms everything up.
            airflow.unpause(dag_id)
            airflow.wait_for_runs(dag_id)
        rates = [(_rate(airflow, OURS, turn, days), _rate(airflow, BARE, turn, days)) for turn in range(turns)]
    return Result(
        name="task_start",
        what="task instances a second of candle_backfill, a day of 3 symbols × 3 exchanges a run, against a DAG of "
        "the same shape whose tasks do nothing",
        figures=Figures(tuple(ours / bare for ours, bare in rates)),
        target=at_least(0.85),
        falls_short_because="Airflow spends 0.35 s of CPU on a task instance that does nothing, in worker, API server, "
        "scheduler and PostgreSQL. An instance of candle_backfill adds 0.2 s in its own process, 0.1 s in InfluxDB for "
        "what it writes, and 0.05 s in each of API server and scheduler. The figure swings with Airflow's own pace: "
        "tasks that do nothing run at 4 to 9 a second here.",
        detail="; ".join(f"{ours:.2f} /s against {bare:.2f} /s" for ours, bare in rates),
    )


def _airflow(bench: Workbench, exchanges: SimulatorProcess) -> AirflowInstance:
    environment = {
        "CANDLE_INGEST_EXCHANGES": ",".join(EXCHANGES),
        "CANDLE_INGEST_BACKFILL_START_DATE": "skip",
        "CANDLE_INGEST_BACKFILL_INTERVAL": "@daily",
        # Otherwise kraken's limit for the trades of USDT/USD would decide.
        "CANDLE_INGEST_QUOTE_CONVERSION": "par",
        "CANDLE_INGEST_INFLUXDB_BUCKET": bench.influxdb.new_bucket("bench"),
    }
    dags = bench.folder / "rate-dags"
    shutil.copytree(REPOSITORY / "dags", dags)
    (dags / "same_shape.py").write_text(_SAME_SHAPE, encoding="utf-8")
    return bench.airflow("rate", exchanges, TICKERS, environment, dags)


def _rate(airflow: AirflowInstance, dag_id: str, turn: int, days: int) -> float:
    """Return instances per second, from the first start to the last end, over all runs of one backfill."""
    first = FIRST_DAY + timedelta(days=turn * days)
    last = first + timedelta(days=days - 1)
    airflow.backfill(dag_id, first.isoformat(), last.isoformat(), max_active_runs=days)
    runs = [run for run in airflow.wait_for_backfill(dag_id) if first <= _day(run) <= last]
    if len(runs) != days or any(run["state"] != "success" for run in runs):
        raise RuntimeError(f"{dag_id}: {[(_day(run), run['state']) for run in runs]}")
    rows = [row for run in runs for row in airflow.task_instances(dag_id, run["dag_run_id"])]
    return len(rows) / span_seconds(rows)


def _day(run: Row) -> date:
    return datetime.fromisoformat(run["data_interval_start"]).date()
