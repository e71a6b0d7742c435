"""One Airflow for the files of this folder, which run in the order of their names: the last one stops it."""

from __future__ import annotations

import json
import shutil

import pytest

from dev.exchange_simulator.process import SimulatorProcess
from dev.local_stack.airflow_processes import REPOSITORY
from tests.integration.scheduler.pipelines import CONSUMER, PAIRS, PIPELINES
from tests.integration.servers.airflow_instance import AirflowInstance
from tests.integration.servers.environment import connection_variables


@pytest.fixture(scope="package")
def simulator():
    with SimulatorProcess() as process:
        yield process


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
def airflow(airflow_template, tmp_path_factory, redis_server, influxdb_server, simulator, told, dags_folder):
    folder = tmp_path_factory.mktemp("airflow")
    config = folder / "pipelines.yaml"
    config.write_text(PIPELINES)
    redis_server.client().flushdb()
    redis_server.client().set("one_symbol", json.dumps(["btcusd"]))
    redis_server.client().set("two_symbols", json.dumps(list(PAIRS)))
    environment = {
        **connection_variables(redis_server, influxdb_server, simulator),
        "CANDLE_INGEST_CONFIG": str(config),
        "RECORDED_FAILURES": str(told),
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        with AirflowInstance(airflow_template, folder / "home", environment, dags_folder=dags_folder) as instance:
            yield instance
