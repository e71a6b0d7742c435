"""Two weeks of history under a real Airflow, in runs of a day and of a week."""

from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import yaml

from benchmarks.figures import Figures
from benchmarks.published_limits import limit_seconds
from benchmarks.result import Result
from benchmarks.sample import calm_days
from benchmarks.span import span_seconds
from benchmarks.workbench import Workbench
from candle_ingest.candles.window import DAY_MS, Window
from dev.exchange_simulator.process import SimulatorProcess
from tests.integration.servers.airflow_instance import AirflowInstance

TICKERS = ("btcusd", "ethusd", "solusd")
EXCHANGES = ("binance", "coinbaseexchange", "kucoin")
STEP_DAYS = {"@daily": 1, "@weekly": 7}
DAYS, QUICK_DAYS = 14, 7
# A Sunday, on which the weeks of cron begin.
FIRST_DAY = calm_days(EXCHANGES, DAYS, date(2025, 2, 2), step_days=7)


def interval_length(bench: Workbench) -> Result:
    """Run one Airflow with a pipeline for each length; the exchanges keep to their published limits."""
    days = QUICK_DAYS if bench.quick else DAYS
    environment = {"CANDLE_INGEST_CONFIG": str(_pipelines(bench))}
    with SimulatorProcess() as exchanges, bench.airflow("interval", exchanges, TICKERS, environment) as airflow:
        seconds = {length: _seconds(airflow, length, days) for length in STEP_DAYS}
    needed = {length: limit_seconds(EXCHANGES, len(TICKERS), _intervals(length, days)) for length in STEP_DAYS}
    return Result(
        name="interval",
        what=f"{days} days of 3 symbols × 3 exchanges under a real Airflow, a week a run, against a day a run",
        figures=Figures((seconds["@daily"] / seconds["@weekly"],)),
        detail="; ".join(
            f"{length}: {seconds[length]:.0f} s, {seconds[length] / needed[length]:.1f} × what the limits take"
            for length in STEP_DAYS
        ),
    )


def _pipelines(bench: Workbench) -> Path:
    pipelines = {
        length[1:]: {
            "exchanges": list(EXCHANGES),
            "backfill_start_date": "skip",
            "backfill_interval": length,
            # Otherwise kraken's limit for the trades of USDT/USD would decide.
            "quote_conversion": "par",
            "influxdb_bucket": bench.influxdb.new_bucket("bench"),
        }
        for length in STEP_DAYS
    }
    path = bench.folder / "interval.yaml"
    path.write_text(yaml.safe_dump({"pipelines": pipelines}), encoding="utf-8")
    return path


def _seconds(airflow: AirflowInstance, length: str, days: int) -> float:
    """Return the seconds from the first start to the last end of a backfill; the scheduled run comes before it."""
    dag_id = f"{length[1:]}_backfill"
    airflow.unpause(dag_id)
    airflow.wait_for_runs(dag_id)
    last = FIRST_DAY + timedelta(days=days - 1)
    airflow.backfill(dag_id, FIRST_DAY.isoformat(), last.isoformat(), max_active_runs=4)
    runs = [run for run in airflow.wait_for_backfill(dag_id) if run["run_type"] == "backfill"]
    if len(runs) * STEP_DAYS[length] != days or any(run["state"] != "success" for run in runs):
        raise RuntimeError(f"{dag_id}: {[(run['data_interval_start'], run['state']) for run in runs]}")
    return span_seconds(runs)


def _intervals(length: str, days: int) -> list[Window]:
    start_ms = int(datetime.combine(FIRST_DAY, time(), UTC).timestamp() * 1000)
    step_ms = STEP_DAYS[length] * DAY_MS
    return [Window(at, at + step_ms) for at in range(start_ms, start_ms + days * DAY_MS, step_ms)]
