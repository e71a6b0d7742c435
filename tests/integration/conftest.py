"""Real servers for the integration tests: one of each per test worker, on free ports, always ended."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

import pytest

from include.exchange_simulator.process import SimulatorProcess
from include.local_stack.redis_server import RedisServer
from tests.integration.servers.airflow_instance import AirflowInstance, migrated_home
from tests.integration.servers.storage import InfluxdbTestServer, running_influxdb, running_redis


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """A real Redis: `.host`, `.port`, `.password`, `.client()`."""
    with running_redis(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture(scope="session")
def influxdb_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[InfluxdbTestServer]:
    """A real InfluxDB 2.x: `.url`, `.token`, `.org`, `.new_bucket()`."""
    with running_influxdb(tmp_path_factory.mktemp("influxdb")) as server:
        yield server


@pytest.fixture
def simulator() -> Iterator[SimulatorProcess]:
    """The simulated exchanges for this test, without faults: `.exchange_url("kraken")`, `.set_fault()`."""
    with SimulatorProcess() as process:
        yield process


@pytest.fixture(scope="session")
def airflow_template(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """A migrated, empty Airflow home; `AirflowInstance` starts from a copy of it."""
    base = tmp_path_factory.getbasetemp()
    # Under xdist each worker has a folder of its own in one that all share.
    return migrated_home(base if worker_id == "master" else base.parent)


@pytest.fixture
def make_airflow(airflow_template: Path, tmp_path: Path) -> Iterator[Callable[..., AirflowInstance]]:
    """`make_airflow(environment, dags_folder=..., plugins_folder=...)` starts a real Airflow for this test.

    A module that shares one among its tests uses `with AirflowInstance(airflow_template, home, environment)`.
    """
    with ExitStack() as started:

        def make(environment: Mapping[str, str], **folders: Path) -> AirflowInstance:
            home = tmp_path / f"airflow-{uuid.uuid4().hex[:8]}"
            return started.enter_context(AirflowInstance(airflow_template, home, environment, **folders))

        yield make
