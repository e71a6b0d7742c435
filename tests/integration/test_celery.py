"""Celery workers on PostgreSQL: one of two is killed in the middle of a backfill, and nothing is lost or doubled."""

from __future__ import annotations

import json

import pytest

from candle_ingest.candles.window import HOUR_MS, Window
from dev.exchange_simulator.coins import utc_ms
from dev.local_stack.celery_workers import WORKERS, CeleryWorkers
from dev.local_stack.waiting import wait_until
from tests.integration.servers.airflow_instance import AirflowInstance
from tests.integration.servers.environment import connection_variables
from tests.integration.servers.storage import running_redis
from tests.integration.steps import merged_truth, stored, truth, within

pytestmark = pytest.mark.integration
EXCHANGES = ("coinbaseexchange", "kucoin")
PAIR = "BTC/USD"
HOURS = Window(utc_ms("2026-03-01"), utc_ms("2026-03-01") + 2 * HOUR_MS)
BUCKET = "celery"
DAG = "candle_backfill"
# Airflow labels an instance only when it ends.
AT_KUCOIN = ("fetch_candles", 1)
QUICK_TO_NOTICE = {
    "AIRFLOW__WORKERS__MIN_HEARTBEAT_INTERVAL": "1",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "15",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "2",
    # A task that the lost worker had taken from the broker, but not begun.
    "AIRFLOW__SCHEDULER__TASK_QUEUED_TIMEOUT": "30",
    "AIRFLOW__SCHEDULER__TASK_QUEUED_TIMEOUT_CHECK_INTERVAL": "3",
    "CANDLE_INGEST_TASK_RETRIES": "3",
    "CANDLE_INGEST_RETRY_DELAY_SECONDS": "1",
}


@pytest.fixture(scope="module")
def broker(tmp_path_factory):
    with running_redis(tmp_path_factory.mktemp("broker")) as server:
        yield server


@pytest.fixture
def airflow(airflow_template, tmp_path, redis_server, influxdb_server, simulator, broker, monkeypatch):
    environment = {
        **connection_variables(redis_server, influxdb_server, simulator),
        **QUICK_TO_NOTICE,
        "CANDLE_INGEST_EXCHANGES": ",".join(EXCHANGES),
        "CANDLE_INGEST_QUOTE_CONVERSION": "par",
        "CANDLE_INGEST_BACKFILL_START_DATE": "skip",
        "CANDLE_INGEST_BACKFILL_INTERVAL": "@hourly",
        "CANDLE_INGEST_INFLUXDB_BUCKET": BUCKET,
    }
    redis_server.client().flushdb()
    redis_server.client().set("top_cryptocurrencies", json.dumps(["btcusd"]))
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    celery = CeleryWorkers(broker_url=broker.url)
    with AirflowInstance(airflow_template, tmp_path / "home", environment, celery=celery) as instance:
        yield instance


def key(instance: dict) -> tuple:
    return instance["dag_run_id"], instance["task_id"], instance["map_index"]


def of_the_backfill(instances: list[dict]) -> list[dict]:
    """Unpausing the DAG also runs the newest interval."""
    return [row for row in instances if row["dag_run_id"].startswith("backfill__")]


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
    for exchange in EXCHANGES:
        rows = within(stored(BUCKET, "exchange_candles", PAIR, exchange), HOURS)
        assert rows == truth(exchange, HOURS, PAIR)
    assert within(stored(BUCKET, "candles", PAIR), HOURS) == merged_truth(EXCHANGES, HOURS, PAIR, par=True)
