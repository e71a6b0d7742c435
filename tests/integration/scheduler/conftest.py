"""One Airflow with Celery workers for the files of this folder.

They run in the order of their names: one kills a worker, and the last one stops Airflow.
"""

from __future__ import annotations

import json
import shutil

import pytest

from dev.exchange_simulator.process import SimulatorProcess
from dev.local_stack.airflow_processes import REPOSITORY
from dev.local_stack.celery_workers import CeleryWorkers
from tests.integration.scheduler.pipelines import CONSUMER, PAIRS, PIPELINES
from tests.integration.servers.airflow_instance import AirflowInstance
from tests.integration.servers.environment import connection_variables
from tests.integration.servers.storage import running_redis

# Long enough for a healthy task on a busy machine.
NOTICES_A_LOST_WORKER = {
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "30",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "5",
    # A task that the lost worker had taken from the broker, but not begun.
    "AIRFLOW__SCHEDULER__TASK_QUEUED_TIMEOUT": "60",
    "AIRFLOW__SCHEDULER__TASK_QUEUED_TIMEOUT_CHECK_INTERVAL": "5",
}


@pytest.fixture(scope="package")
def simulator():
    with SimulatorProcess() as process:
        yield process


@pytest.fixture(scope="package")
def broker(tmp_path_factory):
    with running_redis(tmp_path_factory.mktemp("broker")) as server:
        yield server


@pytest.fixture(scope="package")
def told(tmp_path_factory):
    """The file with what the notifier was told."""
    return tmp_path_factory.mktemp("alerts") / "told"


@pytest.fixture(scope="package")
def dags_folder(tmp_path_factory):
    """This project's DAGs and the example of docs/."""
    folder = tmp_path_factory.mktemp("dags")
    for file in (REPOSITORY / "dags" / "candle_dags.py", REPOSITORY / "docs" / "examples" / f"{CONSUMER}.py"):
        shutil.copy(file, folder)
    return folder


@pytest.fixture(scope="package")
def airflow(airflow_template, tmp_path_factory, redis_server, influxdb_server, simulator, broker, told, dags_folder):
    folder = tmp_path_factory.mktemp("airflow")
    config = folder / "pipelines.yaml"
    config.write_text(PIPELINES)
    redis_server.client().flushdb()
    redis_server.client().set("one_symbol", json.dumps(["btcusd"]))
    redis_server.client().set("two_symbols", json.dumps(list(PAIRS)))
    environment = {
        **connection_variables(redis_server, influxdb_server, simulator),
        **NOTICES_A_LOST_WORKER,
        "CANDLE_INGEST_CONFIG": str(config),
        "RECORDED_FAILURES": str(told),
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        celery = CeleryWorkers(broker_url=broker.url)
        with AirflowInstance(airflow_template, folder / "home", environment, dags_folder, celery=celery) as instance:
            yield instance
