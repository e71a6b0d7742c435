"""Real servers for the integration tests: one of each per test worker, on free ports, always ended."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from candle_ingest.exchanges import profiles, rate_limit, request_gate
from candle_ingest.settings import PipelineSettings
from dev.exchange_simulator.process import SimulatorProcess
from dev.local_stack.redis_server import RedisServer
from tests.integration.servers.airflow_databases import AirflowDatabases, airflow_databases
from tests.integration.servers.environment import connection_variables
from tests.integration.servers.storage import InfluxdbTestServer, running_influxdb, running_redis
from tests.integration.steps import THREE


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


@pytest.fixture(autouse=True)
def _no_bucket_is_left(request: pytest.FixtureRequest) -> Iterator[None]:
    """Delete the buckets of the test itself, not those of fixtures that live longer."""
    if "influxdb_server" not in request.fixturenames:
        yield
        return
    with request.getfixturevalue("influxdb_server").deleting_new_buckets():
        yield


@pytest.fixture
def simulator() -> Iterator[SimulatorProcess]:
    """The simulated exchanges for this test, without faults: `.exchange_url("kraken")`, `.set_fault()`."""
    with SimulatorProcess() as process:
        yield process


@pytest.fixture(scope="session")
def _unlimited_simulator() -> Iterator[SimulatorProcess]:
    with SimulatorProcess(limits=False) as process:
        yield process


@pytest.fixture
def now_ms(request: pytest.FixtureRequest) -> int | None:
    """Return NOW_MS of the module, or None for the true time; a folder may have a `now_ms` of its own."""
    return getattr(request.module, "NOW_MS", None)


@pytest.fixture
def exchanges(_unlimited_simulator: SimulatorProcess, now_ms: int | None) -> Iterator[SimulatorProcess]:
    """Simulated exchanges for tests in this process: no limits, no faults, no request counted yet.

    Their clock stands at `now_ms`.
    """
    _unlimited_simulator.clear_faults()
    _unlimited_simulator.clear_events()
    _unlimited_simulator.set_clock(now_ms)
    _unlimited_simulator.reset_requests()
    yield _unlimited_simulator
    _unlimited_simulator.clear_faults()
    _unlimited_simulator.clear_events()


@pytest.fixture
def connections(
    redis_server: RedisServer,
    influxdb_server: InfluxdbTestServer,
    exchanges: SimulatorProcess,
    monkeypatch: pytest.MonkeyPatch,
) -> dict[str, str]:
    """Lead the connections of this process to these servers; Redis lists BTC/USD. All waits are short."""
    variables = connection_variables(redis_server, influxdb_server, exchanges)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(request_gate, "FIRST_WAIT_SECONDS", 0.01)
    monkeypatch.setattr(rate_limit, "REFUSED_PAUSE_SECONDS", 0.01)
    monkeypatch.setattr("redis.backoff.ExponentialWithJitterBackoff.compute", lambda self, failures: 0.02)
    # Calls for a market are still made one after the other.
    kraken = replace(profiles.PROFILES["kraken"], market_seconds=0.02)
    monkeypatch.setattr(profiles, "PROFILES", {**profiles.PROFILES, "kraken": kraken})
    redis_server.client().flushdb()
    redis_server.client().set("top_cryptocurrencies", json.dumps(["btcusd"]))
    return variables


@pytest.fixture
def make_settings(connections: dict[str, str], influxdb_server: InfluxdbTestServer) -> Callable[..., PipelineSettings]:
    """`make_settings(exchanges, …)`: a pipeline with a new bucket, which asks for a candle as soon as it is closed.

    Rate markets add requests and open days of their own: `quote_conversion="par"` where a test counts those.
    """
    bucket = influxdb_server.new_bucket()
    return lambda exchanges, **changes: PipelineSettings(
        name="candle", exchanges=exchanges, settle_seconds=0, influxdb_bucket=bucket, **changes
    )


@pytest.fixture
def settings(make_settings: Callable[..., PipelineSettings]) -> PipelineSettings:
    """A pipeline of three exchanges with a new bucket; some modules have their own."""
    return make_settings(THREE)


@pytest.fixture(scope="session")
def airflow_template(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Iterator[AirflowDatabases]:
    """A PostgreSQL with a migrated, empty database; each `AirflowInstance` gets a copy of it."""
    base = tmp_path_factory.getbasetemp()
    # Under xdist each worker has a folder of its own in one that all share.
    shared = base if worker_id == "master" else base.parent
    with airflow_databases(shared, tmp_path_factory.mktemp("airflow-databases")) as databases:
        yield databases
