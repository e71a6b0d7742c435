"""One of two Celery workers is killed in the middle of a backfill, and nothing is lost or doubled."""

from __future__ import annotations

import pytest

from candle_ingest.candles.window import HOUR_MS, Window
from dev.exchange_simulator.coins import utc_ms
from dev.local_stack.celery_workers import WORKERS
from dev.local_stack.waiting import wait_until
from tests.integration.scheduler.pipelines import HOURLY_BUCKET, HOURLY_EXCHANGES
from tests.integration.servers.airflow_instance import AirflowInstance
from tests.integration.steps import merged_truth, stored, truth, within

pytestmark = pytest.mark.integration
PAIR = "BTC/USD"
HOURS = Window(utc_ms("2026-03-01"), utc_ms("2026-03-01") + 2 * HOUR_MS)
DAG = "hourly_backfill"
# Airflow labels an instance only when it ends.
AT_KUCOIN = ("fetch_candles", 1)


def key(instance: dict) -> tuple:
    return instance["dag_run_id"], instance["task_id"], instance["map_index"]


def of_the_backfill(instances: list[dict]) -> list[dict]:
    """Unpausing the DAG also runs the newest interval."""
    return [row for row in instances if row["dag_id"] == DAG and row["dag_run_id"].startswith("backfill__")]


def worker_that_fetches(airflow: AirflowInstance) -> str:
    """Wait until a worker is in the middle of a fetch from kucoin; return its name."""
    found: list[str] = []

    def is_found() -> bool:
        running = of_the_backfill(airflow.api.all_task_instances(state="running"))
        pids = {row["pid"] for row in running if (row["task_id"], row["map_index"]) == AT_KUCOIN}
        found.extend(worker for worker in WORKERS if pids & airflow.running[worker].pids())
        return bool(found)

    wait_until(is_found, "a fetch", 120)
    return found[0]


def start_backfill(airflow: AirflowInstance) -> None:
    """Start a backfill through the API: the command would spend 20 seconds on imports."""
    airflow.wait_for_dag(DAG)
    hours = {"from_date": "2026-03-01T00:00:00Z", "to_date": "2026-03-01T01:00:00Z"}
    airflow.api.create_backfill({"dag_id": DAG, **hours, "reprocess_behavior": "none", "max_active_runs": 2})
    airflow.unpause(DAG)


def test_a_lost_worker_costs_time_and_nothing_else(airflow, simulator, broker):
    # Long enough for a busy machine to find the fetch before it ends, and shorter than the timeout of a request.
    simulator.set_fault("kucoin", "delay", seconds=10, path="candles")
    start_backfill(airflow)
    lost = {key(row) for row in of_the_backfill(airflow.lose(worker_that_fetches(airflow)))}
    assert lost
    simulator.clear_faults()

    runs = of_the_backfill(airflow.wait_for_runs(DAG, 2, timeout_seconds=240))
    assert [run["state"] for run in runs] == ["success"] * 2
    instances = of_the_backfill(airflow.api.all_task_instances())
    assert {row["state"] for row in instances} == {"success"}
    assert lost <= {key(row) for row in instances if row["try_number"] == 2}
    assert max(row["try_number"] for row in instances) == 2
    assert broker.client().llen("default") == 0
    for exchange in HOURLY_EXCHANGES:
        rows = within(stored(HOURLY_BUCKET, "exchange_candles", PAIR, exchange), HOURS)
        assert rows == truth(exchange, HOURS, PAIR)
    merged = merged_truth(HOURLY_EXCHANGES, HOURS, PAIR, par=True)
    assert within(stored(HOURLY_BUCKET, "candles", PAIR), HOURS) == merged
