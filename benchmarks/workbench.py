"""The servers that benchmarks need, each started when it is first used."""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Self

from influxdb_client import InfluxDBClient

from benchmarks.sample import NOW_MS
from candle_ingest.store.bucket import InfluxBucket
from dev.exchange_simulator.process import SimulatorProcess
from dev.local_stack.airflow_processes import REPOSITORY
from dev.local_stack.redis_server import RedisServer
from tests.integration.servers.airflow_databases import AirflowDatabases, airflow_databases
from tests.integration.servers.airflow_instance import AirflowInstance
from tests.integration.servers.environment import connection_variables
from tests.integration.servers.storage import InfluxdbTestServer, running_influxdb, running_redis

# As in the local stack; the tests have a scheduler that is slower to notice that there is work.
_PROMPT_SCHEDULER = {"AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.3"}


class Workbench:
    """Real servers on free ports of 127.0.0.1, ended with the block. `quick` means less work and fewer runs."""

    def __init__(self, folder: Path, *, quick: bool) -> None:
        self.folder = folder
        self.quick = quick
        self._started = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._started.close()

    def repetitions(self, full: int, quick: int) -> int:
        """Return how often to repeat, or how many days or symbols to measure."""
        return quick if self.quick else full

    @cached_property
    def redis(self) -> RedisServer:
        """A real Redis."""
        return self._started.enter_context(running_redis(self.folder / "redis"))

    @cached_property
    def influxdb(self) -> InfluxdbTestServer:
        """A real InfluxDB; `new_bucket()` gives an empty bucket."""
        return self._started.enter_context(running_influxdb(self.folder / "influxdb"))

    @cached_property
    def airflow_databases(self) -> AirflowDatabases:
        """A PostgreSQL with a database for each Airflow."""
        return self._started.enter_context(airflow_databases(self.folder, self.folder / "postgres"))

    @cached_property
    def unlimited_exchanges(self) -> SimulatorProcess:
        """Simulated exchanges that never refuse."""
        return self._started.enter_context(SimulatorProcess(limits=False, now_ms=NOW_MS))

    @cached_property
    def limited_exchanges(self) -> SimulatorProcess:
        """Simulated exchanges that refuse what goes beyond their published limits."""
        return self._started.enter_context(SimulatorProcess(now_ms=NOW_MS))

    @contextmanager
    def task_environment(self, exchanges: SimulatorProcess) -> Iterator[Mapping[str, str]]:
        """Set the connections of a task as variables, for this process and those that it starts; empty Redis."""
        self.redis.client().flushdb()
        variables = connection_variables(self.redis, self.influxdb, exchanges)
        os.environ.update(variables)
        try:
            yield variables
        finally:
            for name in variables:
                del os.environ[name]

    def airflow(
        self,
        name: str,
        exchanges: SimulatorProcess,
        tickers: Sequence[str],
        environment: Mapping[str, str],
        dags_folder: Path = REPOSITORY / "dags",
    ) -> AirflowInstance:
        """Return a real Airflow in its own folder, `name`; Redis lists only `tickers`. The caller enters it."""
        self.redis.client().flushdb()
        self.redis.client().set("top_cryptocurrencies", json.dumps(tickers))
        settings = {**connection_variables(self.redis, self.influxdb, exchanges), **_PROMPT_SCHEDULER, **environment}
        return AirflowInstance(self.airflow_databases, self.folder / name, settings, dags_folder)

    def new_client(self) -> InfluxDBClient:
        """Return a plain client of InfluxDB; the caller enters it."""
        return InfluxDBClient(url=self.influxdb.url, token=self.influxdb.token, org=self.influxdb.org, timeout=60_000)

    def open_bucket(self, name: str | None = None) -> InfluxBucket:
        """Return a bucket as a task opens it, a new one if no name is given; the caller enters it."""
        return InfluxBucket(self.new_client(), name or self.influxdb.new_bucket("bench"))
