"""Airflow's own processes killed in the middle of a run, and two DAGs that write the same minutes at once."""

from __future__ import annotations

import json
import os
import signal
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import psutil
import pytest

from candle_ingest.core.candles import Candles
from candle_ingest.core.merging import merge_candles
from candle_ingest.core.window import DAY_MS, Window
from include.exchange_simulator.coins import utc_ms
from include.exchange_simulator.process import SimulatorProcess
from include.exchange_simulator.synthetic_market import true_candles
from include.local_stack.waiting import wait_until
from tests.faults.report import Evidence
from tests.faults.world import _difference
from tests.integration.conftest import airflow_template, influxdb_server, redis_server  # noqa: F401 - fixtures
from tests.integration.servers.airflow_instance import AirflowInstance
from tests.integration.servers.environment import connection_variables
from tests.integration.servers.running_server import RunningServer
from tests.integration.steps import stored

pytestmark = pytest.mark.integration
BUCKET = "airflow_faults"
FIRST_DAY = utc_ms("2026-03-01")


@pytest.fixture(scope="module")
def simulator():
    with SimulatorProcess() as process:
        yield process


@pytest.fixture(scope="module")
def airflow(airflow_template, tmp_path_factory, redis_server, influxdb_server, simulator):  # noqa: F811
    environment = {
        **connection_variables(redis_server, influxdb_server, simulator),
        "CANDLE_INGEST_EXCHANGES": "binance",
        "CANDLE_INGEST_BACKFILL_START_DATE": "skip",
        "CANDLE_INGEST_INFLUXDB_BUCKET": BUCKET,
        "CANDLE_INGEST_TASK_RETRIES": "3",
        "CANDLE_INGEST_RETRY_DELAY_SECONDS": "1",
        "CANDLE_INGEST_CATCH_UP_INITIAL_DAYS": "1",
        # A task whose process is gone is noticed by its missing heartbeat.
        "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "15",
        "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "3",
    }
    redis_server.client().flushdb()
    redis_server.client().set("top_cryptocurrencies", json.dumps(["btcusd"]))
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        with AirflowInstance(airflow_template, tmp_path_factory.mktemp("airflow") / "home", environment) as instance:
            yield instance


def fetch_is_running(simulator) -> bool:
    return any("klines" in request["path"] for request in simulator.requests(full=True))


def processes_that_fetch(scheduler: int, simulator: SimulatorProcess) -> list[int]:
    """The processes below the scheduler that talk to the simulated exchange."""
    port, found = urlsplit(simulator.url).port, []
    for process in psutil.Process(scheduler).children(recursive=True):
        with suppress(psutil.Error):
            if any(c.raddr and c.raddr.port == port for c in process.net_connections("tcp")):
                found.append(process.pid)
    return found


def day(number: int) -> tuple[str, Window]:
    start_ms = FIRST_DAY + number * DAY_MS
    return datetime.fromtimestamp(start_ms / 1000, UTC).date().isoformat(), Window(start_ms, start_ms + DAY_MS)


def compare(evidence, name: str, injected: str, window: Window, under: str = "Airflow runs its task again") -> None:
    truth = true_candles("binance", "BTC/USDT", window.start_ms, window.end_ms)
    merged = merge_candles({"binance": Candles.from_rows(truth)}).candles.rows()
    lost = doubled = wrong = 0
    for expected, measurement, exchange in ((truth, "exchange_candles", "binance"), (merged, "candles", None)):
        rows = [r for r in stored(BUCKET, measurement, "BTC/USD", exchange) if window.start_ms <= r[0] < window.end_ms]
        found = _difference(expected, rows)
        lost, doubled, wrong = lost + found.lost, doubled + found.doubled, wrong + found.wrong
    evidence.append(
        Evidence(area="Airflow", name=name, injected=injected, under=under, said="", lost=lost, doubled=doubled,
                 wrong=wrong)
    )  # fmt: skip
    assert (lost, doubled, wrong) == (0, 0, 0)


def run_a_day(airflow, simulator, number: int, disturb) -> Window:
    """A backfill of one day, disturbed as soon as its fetch asks the exchange."""
    date, window = day(number)
    simulator.reset_requests()
    simulator.set_fault("binance", "delay", seconds=4, path="klines")
    airflow.backfill("candle_backfill", date, date)
    wait_until(lambda: fetch_is_running(simulator), "the fetch", 120)
    disturb()
    simulator.clear_faults()
    airflow.wait_for_backfill("candle_backfill", timeout_seconds=240)
    [run] = [run for run in airflow.runs("candle_backfill") if str(run["data_interval_start"])[:10] == date]
    assert run["state"] == "success"
    return window


def test_a_killed_task_process_is_run_again(airflow, simulator, evidence):
    def kill() -> None:
        busy = processes_that_fetch(airflow.running["scheduler"].pid, simulator)
        assert busy
        os.kill(busy[-1], signal.SIGKILL)

    window = run_a_day(airflow, simulator, 0, kill)
    compare(evidence, "a task's process is killed while it fetches", "SIGKILL", window)


def test_a_killed_scheduler_that_is_started_again_goes_on(airflow, simulator, evidence):
    def kill() -> None:
        scheduler = airflow.running.pop("scheduler")
        os.kill(scheduler.pid, signal.SIGKILL)
        scheduler.stop()
        time.sleep(2)
        command = next(command for command in airflow.processes.commands() if command.name == "scheduler")
        airflow.running["scheduler"] = RunningServer(command, airflow.home / "console")

    window = run_a_day(airflow, simulator, 2, kill)
    compare(evidence, "the scheduler is killed and started again", "SIGKILL", window)


def test_backfill_and_catch_up_write_the_same_minutes_at_once(airflow, simulator, evidence):
    now = datetime.now(UTC).replace(second=0, microsecond=0) - timedelta(minutes=10)
    start = now - timedelta(hours=6)
    conf = {"start": start.strftime("%Y-%m-%dT%H:%M:00Z"), "end": now.strftime("%Y-%m-%dT%H:%M:00Z"), "refetch": True}
    simulator.set_fault("binance", "delay", seconds=1, path="klines")
    runs = [(dag, airflow.trigger(dag, conf=conf, logical_date=None)) for dag in ("candle_backfill", "candle_catch_up")]
    states = [airflow.wait_for_run(dag, run)["state"] for dag, run in runs]
    simulator.clear_faults()
    assert states == ["success", "success"]
    window = Window(int(start.timestamp() * 1000), int(now.timestamp() * 1000))
    compare(evidence, "backfill and catch-up write the same minutes at once", "two runs by hand", window, "both go on")
