"""Airflow's own processes killed in the middle of a run, and runs that write the same minutes at once.

`tests/faults/test_celery_worker.py` kills a Celery worker.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime, timedelta

import pytest

from candle_ingest.candles.window import DAY_MS, Window, format_ms
from dev.exchange_simulator.coins import utc_ms
from dev.exchange_simulator.process import SimulatorProcess
from dev.local_stack.airflow_processes import REPOSITORY
from dev.local_stack.errors import LocalStackError
from dev.local_stack.waiting import wait_until
from tests.faults.airflow_logs import AirflowLogs
from tests.faults.difference import Difference, difference
from tests.faults.influxdb_proxy import InfluxdbProxy, Rule
from tests.faults.random_faults import processes_that_fetch
from tests.faults.report import Evidence
from tests.faults.servers import FaultRedis
from tests.faults.world import SYMBOLS_KEY
from tests.integration.conftest import airflow_template, influxdb_server  # noqa: F401 - fixtures
from tests.integration.servers.airflow_databases import dump_database
from tests.integration.servers.airflow_instance import AirflowInstance
from tests.integration.servers.environment import connection_variables
from tests.integration.steps import merged_truth, stored, truth, watermarks, within

pytestmark = pytest.mark.integration
BUCKET = "airflow_faults"
FIRST_DAY = utc_ms("2026-03-01")
BACKFILL, CATCH_UP = "candle_backfill", "candle_catch_up"
# What the scheduler logs about tasks whose process is gone.
LOST = "without heartbeat|Reset the following"
RERUN, CONTINUES = "Airflow reruns the task", "continues"
# Delay of responses: long enough that a request is under way when the fault comes, and for a while after.
ANSWER_SECONDS = 6
# How long a process is gone: long enough for tasks, which send a heartbeat every second, to miss some.
AWAY_SECONDS = 2
# As long as the interval at which it parses a file, so that it misses at least one.
DAG_PROCESSOR_AWAY_SECONDS = 5
# Longer than a response takes: when a fetch ends, there is no server to receive its result.
API_SERVER_AWAY_SECONDS = ANSWER_SECONDS + 2
KEY, SECRET = "planted-key-4711", "planted-secret-4711"
EDIT = """
from airflow.sdk import DAG

for edited in [value for value in globals().values() if isinstance(value, DAG)]:
    edited.tags.add("edited")
"""


@pytest.fixture(scope="module")
def simulator():
    with SimulatorProcess() as process:
        yield process


@pytest.fixture(scope="module")
def redis(tmp_path_factory):
    server = FaultRedis(tmp_path_factory.mktemp("redis"))
    server.start()
    server.address.client().set(SYMBOLS_KEY, json.dumps(["btcusd"]))
    yield server
    server.stop()


@pytest.fixture(scope="module")
def proxy(influxdb_server):  # noqa: F811
    with InfluxdbProxy(influxdb_server.url) as running:
        yield running


def environment(redis, influxdb, simulator) -> dict[str, str]:
    keys = {"conn_type": "generic", "host": simulator.exchange_url("binance"), "login": KEY, "password": SECRET}
    return {
        **connection_variables(redis.address, influxdb, simulator),
        "AIRFLOW_CONN_CCXT_BINANCE": json.dumps(keys),
        "CANDLE_INGEST_EXCHANGES": "binance",
        "CANDLE_INGEST_QUOTE_CONVERSION": "par",
        "CANDLE_INGEST_BACKFILL_START_DATE": "skip",
        # Only the runs that a test starts.
        "CANDLE_INGEST_CATCH_UP_SCHEDULE": "0 0 1 1 *",
        "CANDLE_INGEST_INFLUXDB_BUCKET": BUCKET,
        "CANDLE_INGEST_TASK_RETRIES": "3",
        "CANDLE_INGEST_RETRY_DELAY_SECONDS": "1",
        "CANDLE_INGEST_CATCH_UP_INITIAL_DAYS": "1",
        # The scheduler detects a task whose process is gone by its missing heartbeats.
        "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "15",
        "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "3",
        # A new scheduler adopts the tasks of one that is gone.
        "AIRFLOW__SCHEDULER__SCHEDULER_HEALTH_CHECK_THRESHOLD": "15",
        "AIRFLOW__SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "5",
        "AIRFLOW__WORKERS__MIN_HEARTBEAT_INTERVAL": "1",
        "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": str(DAG_PROCESSOR_AWAY_SECONDS),
    }


@pytest.fixture(scope="module")
def airflow(airflow_template, tmp_path_factory, redis, influxdb_server, proxy, simulator):  # noqa: F811
    """One Airflow for this module, with its own copy of the DAG files; it reaches InfluxDB through the proxy."""
    folder = tmp_path_factory.mktemp("airflow")
    dags = shutil.copytree(REPOSITORY / "dags", folder / "dags")
    seen = type(influxdb_server)(url=proxy.url, token=influxdb_server.token, org=influxdb_server.org)
    settings = environment(redis, seen, simulator)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in settings.items():
            patch.setenv(name, value)
        with AirflowInstance(airflow_template, folder / "home", settings, dags_folder=dags) as instance:
            # Airflow runs the last interval of a DAG when it is unpaused; a test would take that run for its own.
            instance.unpause(BACKFILL)
            instance.wait_for_runs(BACKFILL)
            yield instance


@pytest.fixture(autouse=True)
def _no_fault_outlives_its_test(simulator, proxy):
    yield
    simulator.clear_faults()
    proxy.rules.clear()


@pytest.fixture
def logs(airflow):
    """What Airflow logs during the test."""
    found = AirflowLogs(airflow.home)
    found.mark()
    return found


def fetch_is_running(simulator) -> bool:
    return any("klines" in request["path"] for request in simulator.requests(full=True))


def day(number: int) -> Window:
    start_ms = FIRST_DAY + number * DAY_MS
    return Window(start_ms, start_ms + DAY_MS)


def compare(evidence, name: str, injected: str, window: Window, outcome: str, said: str) -> None:
    of_exchange = within(stored(BUCKET, "exchange_candles", "BTC/USD", "binance"), window)
    merged = within(stored(BUCKET, "candles", "BTC/USD"), window)
    found = difference(truth("binance", window), of_exchange) + difference(
        merged_truth(["binance"], window, par=True), merged
    )
    evidence.append(Evidence(area="Airflow", name=name, injected=injected, outcome=outcome, said=said, **asdict(found)))
    assert found == Difference(lost=0, duplicated=0, wrong=0)
    times = {row[0] for row in stored(BUCKET, "candles", "BTC/USD")}
    assert set(watermarks(BUCKET, "btcusd-backfill", "btcusd-catch_up").values()) <= times


def start_backfill(airflow, simulator, window: Window) -> str:
    """Start a backfill of one day as a user does, and return its run once its fetch has sent a request."""
    date = format_ms(window.start_ms)[:10]
    simulator.reset_requests()
    simulator.set_fault("binance", "delay", seconds=ANSWER_SECONDS, path="klines")
    airflow.backfill(BACKFILL, date, date)
    wait_until(lambda: fetch_is_running(simulator), "the fetch", 120)
    [run] = [run for run in airflow.runs(BACKFILL) if str(run["data_interval_start"])[:10] == date]
    return str(run["dag_run_id"])


def trigger(airflow, dag: str, window: Window, **conf: object) -> tuple[str, str]:
    conf = {"start": format_ms(window.start_ms), "end": format_ms(window.end_ms), **conf}
    return dag, airflow.trigger(dag, conf=conf, logical_date=None)


def run_a_day(
    airflow, simulator, number: int, disturb: Callable[[], object], seconds: float = ANSWER_SECONDS
) -> Window:
    """Run backfill and catch-up for half a day each, and cause the fault once a fetch has sent a request."""
    window = day(number)
    noon_ms = window.start_ms + DAY_MS // 2
    simulator.reset_requests()
    simulator.set_fault("binance", "delay", seconds=seconds, path="klines")
    halves = {BACKFILL: Window(window.start_ms, noon_ms), CATCH_UP: Window(noon_ms, window.end_ms)}
    runs = [trigger(airflow, dag, half) for dag, half in halves.items()]
    wait_until(lambda: fetch_is_running(simulator), "the fetch", 120)
    disturb()
    simulator.clear_faults()
    assert [airflow.wait_for_run(*run, timeout_seconds=240)["state"] for run in runs] == ["success"] * 2
    return window


def test_a_task_whose_process_is_killed_is_rerun(airflow, simulator, evidence, logs):
    run = start_backfill(airflow, simulator, day(0))
    busy = processes_that_fetch(airflow.running["scheduler"].pid, simulator)
    assert busy
    os.kill(busy[-1], signal.SIGKILL)
    simulator.clear_faults()
    airflow.wait_for_backfill(BACKFILL, timeout_seconds=240)
    assert airflow.api.run(BACKFILL, run)["state"] == "success"
    said = logs.line("SIGKILL")
    compare(evidence, "a task's process is killed while it fetches", "SIGKILL", day(0), RERUN, said)


def test_a_scheduler_that_was_killed_continues_after_its_restart(airflow, simulator, evidence, logs):
    run = start_backfill(airflow, simulator, day(2))
    airflow.kill("scheduler")
    time.sleep(AWAY_SECONDS)
    airflow.start_again("scheduler")
    simulator.clear_faults()
    airflow.wait_for_backfill(BACKFILL, timeout_seconds=240)
    assert airflow.api.run(BACKFILL, run)["state"] == "success"
    said = logs.line(LOST)
    compare(evidence, "the scheduler is killed with its tasks, and restarted", "SIGKILL", day(2), RERUN, said)


def test_runs_survive_a_killed_dag_processor(airflow, simulator, evidence, logs):
    def kill() -> None:
        airflow.kill("dag-processor")
        time.sleep(DAG_PROCESSOR_AWAY_SECONDS)
        airflow.start_again("dag-processor")

    window = run_a_day(airflow, simulator, 4, kill)
    said = logs.wait_for("Starting the Dag Processor Job")
    compare(evidence, "the DAG processor is killed and restarted", "SIGKILL", window, CONTINUES, said)


def test_runs_survive_a_killed_api_server(airflow, simulator, evidence, logs):
    def kill() -> None:
        airflow.kill("api-server")
        time.sleep(API_SERVER_AWAY_SECONDS)
        airflow.start_again("api-server")
        airflow.running["api-server"].wait_until(airflow.api.is_ready, timeout_seconds=120)

    window = run_a_day(airflow, simulator, 6, kill)
    said = logs.line(r"Failed to send heartbeat|Connection refused|without heartbeat")
    compare(evidence, "the API server is killed and restarted", "SIGKILL", window, RERUN, said)


def test_runs_survive_when_all_processes_are_killed_at_once(airflow, simulator, evidence, logs):
    def kill() -> None:
        for name in list(airflow.running):
            airflow.kill(name)
        time.sleep(AWAY_SECONDS)
        airflow.start()

    window = run_a_day(airflow, simulator, 8, kill)
    said = logs.line(LOST)
    compare(evidence, "all processes are killed at once and restarted", "SIGKILL", window, RERUN, said)


def test_a_second_backfill_is_refused_and_a_manual_run_writes_the_same_minutes(airflow, simulator, evidence):
    window = day(10)
    midnight = format_ms(window.start_ms)
    run = start_backfill(airflow, simulator, window)
    with pytest.raises(LocalStackError, match="409") as refused:
        airflow.api.create_backfill({"dag_id": BACKFILL, "from_date": midnight, "to_date": midnight})
    other = trigger(airflow, BACKFILL, window, refetch=True)
    states = [airflow.wait_for_run(*which)["state"] for which in ((BACKFILL, run), other)]
    assert states == ["success", "success"]
    name = "a second backfill of the same range, and a manual run of it"
    compare(evidence, name, "REST API", window, "the second is refused, the first continues", str(refused.value))


def test_backfill_and_catch_up_write_the_same_minutes_at_once(airflow, simulator, evidence, logs):
    now = datetime.now(UTC).replace(second=0, microsecond=0) - timedelta(minutes=10)
    start = now - timedelta(hours=6)
    window = Window(int(start.timestamp() * 1000), int(now.timestamp() * 1000))
    simulator.set_fault("binance", "delay", seconds=1, path="klines")
    runs = [trigger(airflow, dag, window, refetch=True) for dag in (BACKFILL, CATCH_UP)]
    states = [airflow.wait_for_run(*run)["state"] for run in runs]
    assert states == ["success", "success"]
    said = logs.line("BTC/USD @ binance: 360 candles")
    name = "backfill and catch-up write the same minutes at once"
    compare(evidence, name, "two manual runs", window, "both continue", said)


def test_a_run_that_is_cleared_while_it_fetches_fetches_again(airflow, simulator, evidence, logs):
    window = day(12)
    simulator.reset_requests()
    simulator.set_fault("binance", "delay", seconds=10, path="klines")
    run = trigger(airflow, BACKFILL, window)
    wait_until(lambda: fetch_is_running(simulator), "the fetch", 120)
    airflow.api.clear_task(*run, "fetch_candles")
    simulator.clear_faults()
    assert airflow.wait_for_run(*run, timeout_seconds=240)["state"] == "success"
    said = logs.line("the task shouldn.t be running")
    compare(evidence, "a fetch is cleared while it runs", "REST API", window, RERUN, said)


def test_a_dag_that_is_edited_while_it_runs_continues(airflow, simulator, evidence, logs):
    versions = airflow.api.version_count(BACKFILL)

    def edit() -> None:
        [file] = airflow.processes.dags_folder.glob("*.py")
        file.write_text(file.read_text() + EDIT)
        wait_until(lambda: airflow.api.version_count(BACKFILL) > versions, "a new version of the DAG", 60)

    window = run_a_day(airflow, simulator, 14, edit, seconds=15)
    assert airflow.import_errors() == {}
    said = f"versions of the DAG: {versions}, then {airflow.api.version_count(BACKFILL)}"
    compare(evidence, "the DAG file is edited while it runs", "a new version", window, CONTINUES, said)


@contextmanager
def another_password(redis) -> Iterator[None]:
    """Redis refuses the password that the connection has."""
    password = redis.address.password
    redis.address.client().config_set("requirepass", "another")
    try:
        yield
    finally:
        client = redis.address.client()
        client.connection_pool.connection_kwargs["password"] = "another"
        client.config_set("requirepass", password)


def failing_runs(airflow, simulator, redis, proxy) -> list[str]:
    """Return runs that failed because of Redis, InfluxDB and an exchange, in this order."""

    def failed() -> str:
        run = trigger(airflow, BACKFILL, day(16))
        assert airflow.wait_for_run(*run, timeout_seconds=240)["state"] == "failed"
        return run[1]

    with another_password(redis):
        runs = [failed()]
    proxy.rules.append(Rule(path="/api/v2/", status=401, answer='{"code": "unauthorized"}'))
    runs.append(failed())
    proxy.rules.clear()
    simulator.set_fault("binance", "status", status=451, path="klines")
    runs.append(failed())
    return runs


def test_no_secret_is_in_logs_rendered_templates_or_the_database(airflow, simulator, redis, proxy, logs):
    runs = failing_runs(airflow, simulator, redis, proxy)
    for said in ("Redis refuses user or password", "Check the token in influxdb_default", "refuses this country"):
        assert logs.line(said)
    logged = b"".join(path.read_bytes() for path in airflow.home.rglob("*.log"))
    content = logged + dump_database(airflow.database)
    # XComs, rendered templates, notes, events and the DAGs' source are in the database, as plain text.
    assert all(text.encode() in content for text in (*runs, "BTC/USD @ binance", "validate_symbols"))
    token = json.loads(airflow.processes.environment["AIRFLOW_CONN_INFLUXDB_DEFAULT"])["extra"]["token"]
    secrets = (token, redis.address.password, KEY, SECRET)
    assert [secret for secret in secrets if secret.encode() in content] == []
