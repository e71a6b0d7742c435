"""The servers of the fault tests, their long and short form, and the report."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator

import pytest

from candle_ingest.exchanges import rate_limit, request_gate
from candle_ingest.store import bucket as influx_bucket
from dev.exchange_simulator.coins import utc_ms
from dev.exchange_simulator.process import SimulatorProcess
from dev.local_stack.ports import free_port
from tests.faults.influxdb_proxy import InfluxdbProxy
from tests.faults.kept_evidence import Seen, keep, kept
from tests.faults.report import Evidence, write_report
from tests.faults.servers import FaultInfluxdb, FaultRedis
from tests.faults.small_disk import may_mount
from tests.faults.world import World

NOW_MS = utc_ms("2026-03-11") + 60_000
LONG = os.environ.get("CANDLE_TESTS") == "long"
SEEN: dict[str, Seen] = {}
DESELECTED: list[pytest.Item] = []
# Only in the long form: Airflow needs minutes to start, and to notice that a process was killed.
collect_ignore = [] if LONG else ["test_airflow_faults.py", "test_celery_worker.py", "test_endurance.py"]
# Not skipped silently: the report lists it as not tried.
collect_ignore += [] if may_mount() else ["test_full_disk.py"]


@pytest.fixture(scope="session")
def _servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    redis, influxdb = FaultRedis(tmp_path_factory.mktemp("redis")), FaultInfluxdb(tmp_path_factory.mktemp("influxdb"))
    try:
        redis.start()
        influxdb.set_up()
        with (
            SimulatorProcess(limits=False, now_ms=NOW_MS, port=free_port()) as simulator,
            InfluxdbProxy(influxdb.address.url) as proxy,
            pytest.MonkeyPatch.context() as patch,
        ):
            yield World(simulator, redis, influxdb, proxy, NOW_MS, patch)
    finally:
        redis.thaw()
        redis.stop()
        influxdb.stop()


@pytest.fixture
def world(_servers: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """Return the servers, all of them up, with short waits between attempts."""
    monkeypatch.setattr(request_gate, "FIRST_WAIT_SECONDS", 0.01)
    monkeypatch.setattr(rate_limit, "REFUSED_PAUSE_SECONDS", 0.01)
    # InfluxDB needs a second or two to restart, more on a busy machine.
    monkeypatch.setattr(influx_bucket, "FIRST_WAIT_SECONDS", 0.2)
    monkeypatch.setattr(influx_bucket, "MAX_WAIT_SECONDS", 3.0)
    monkeypatch.setattr("redis.backoff.ExponentialWithJitterBackoff.compute", lambda self, failures: 0.02)
    _servers.patch = monkeypatch
    yield _servers
    _servers.restore()


@pytest.fixture
def bucket() -> str:
    """Return a unique name; the run creates the bucket."""
    return f"fault_{uuid.uuid4().hex[:12]}"


@pytest.fixture
def evidence(request: pytest.FixtureRequest) -> list[Evidence]:
    """Collect the faults that were tried, for the report."""
    return _seen(request).evidence


@pytest.fixture
def sections(request: pytest.FixtureRequest) -> list[str]:
    """Collect further sections of the report, as Markdown."""
    return _seen(request).sections


def _seen(request: pytest.FixtureRequest) -> Seen:
    return SEEN.setdefault(request.path.stem, Seen())


def pytest_deselected(items: list[pytest.Item]) -> None:
    """Remember deselected tests: the evidence of a file is kept only if all its tests ran."""
    DESELECTED.extend(items)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Write the report to the file named by FAULT_REPORT, unless a test failed or was left out."""
    path = os.environ.get("FAULT_REPORT")
    if not path or not LONG or session.testsfailed or session.shouldstop or DESELECTED:
        return
    keep(SEEN)
    if (found := kept()) is not None:
        write_report(path, found.evidence, found.sections)
