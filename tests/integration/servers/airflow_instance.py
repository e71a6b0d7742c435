"""A real Airflow for tests: all its processes on PostgreSQL, with LocalExecutor or Celery workers."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType

import requests

from dev.local_stack.airflow_api import AirflowApi, Row
from dev.local_stack.airflow_processes import ADMIN, REPOSITORY, AirflowProcesses
from dev.local_stack.celery_workers import CeleryWorkers
from dev.local_stack.errors import LocalStackError
from dev.local_stack.generated_secrets import GeneratedSecrets
from dev.local_stack.ports import free_port
from dev.local_stack.settings_file import read_settings
from tests.integration.servers.airflow_databases import AirflowDatabases
from tests.integration.servers.running_server import RunningServer

FINISHED = ("success", "failed")
# Idle processes leave more of the processors to the tests that run beside them.
_IDLE_SETTINGS = {
    "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "1",
    # A file that was edited is parsed anyway.
    "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "300",
}
_POLL_SECONDS = 1
_BUILD_SECONDS = 120


class AirflowInstance:
    """Start with `with AirflowInstance(...) as airflow:`; its processes end with the block.

    `environment` is for connections (`AIRFLOW_CONN_REDIS_DEFAULT`), pipeline settings (`CANDLE_INGEST_...`)
    and other settings of Airflow. The pools of `airflow_settings.yaml` exist. DAGs are paused until
    `unpause(dag_id)`, `backfill` or `trigger`: Airflow starts no task of a paused DAG, whatever its run.
    """

    def __init__(
        self,
        databases: AirflowDatabases,
        home: Path,
        environment: Mapping[str, str],
        dags_folder: Path = REPOSITORY / "dags",
        plugins_folder: Path = REPOSITORY / "plugins",
        celery: CeleryWorkers | None = None,
    ) -> None:
        self.home = home
        self.database = databases.new_database()
        self.processes = AirflowProcesses(
            home=home,
            port=free_port(),
            database_url=self.database.url,
            secrets=GeneratedSecrets.generate(),
            dags_folder=dags_folder,
            plugins_folder=plugins_folder,
            title="test",
            celery=celery,
            inherited=_without_our_settings(os.environ),
            extra_environment={**_IDLE_SETTINGS, **environment},
        )
        home.mkdir(parents=True)
        self.processes.write_passwords()
        password, log = self.processes.secrets.airflow_admin_password, home / "console" / "api-server.log"
        self.api = AirflowApi(self.processes.url, ADMIN, password, log)
        self.running: dict[str, RunningServer] = {}

    def __enter__(self) -> AirflowInstance:
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Start all processes (also after `stop`) and wait until they are healthy."""
        for command in self.processes.commands():
            self.running[command.name] = RunningServer(command, self.home / "console")
        self.running["api-server"].wait_until(self.api.is_ready, timeout_seconds=120)
        # Its first request builds the API for tasks; on a busy machine that takes longer than a task waits.
        requests.get(f"{self.processes.url}/execution/health", timeout=_BUILD_SECONDS).raise_for_status()
        self.api.overwrite("pools", list(read_settings(REPOSITORY / "airflow_settings.yaml").pools))

    def stop(self) -> None:
        """End all processes: what the database says stays."""
        for server in self.running.values():
            server.stop()
        self.running.clear()

    def lose(self, name: str) -> list[Row]:
        """Kill one process with all that it forked, as when its machine is gone; returns what it was running.

        Frozen first, so that none of its tasks ends between the question and the kill.
        """
        server = self.running.pop(name)
        pids = server.freeze()
        running = [row for row in self.api.all_task_instances(state="running") if row["pid"] in pids]
        server.kill()
        return running

    def kill(self, name: str) -> None:
        """Kill one process with all that it forked; the others go on."""
        self.running.pop(name).kill()

    def start_again(self, name: str) -> None:
        """Start a process that was stopped or killed."""
        [command] = [command for command in self.processes.commands() if command.name == name]
        self.running[name] = RunningServer(command, self.home / "console")

    def cli(self, *arguments: str, timeout_seconds: float = 300) -> subprocess.CompletedProcess[str]:
        """Run `airflow <arguments>` against this Airflow."""
        return self.processes.cli(*arguments, timeout_seconds=timeout_seconds)

    def wait_for_dag(self, dag_id: str, timeout_seconds: float = 60) -> None:
        """Wait until the DAG processor has parsed it; import errors are in the failure."""
        try:
            self.wait_until(lambda: self.api.has_dag(dag_id), f"DAG {dag_id}", timeout_seconds)
        except LocalStackError as error:
            raise LocalStackError(f"{error} Import errors: {self.import_errors()}") from None

    def unpause(self, dag_id: str) -> None:
        self.wait_for_dag(dag_id)
        self.api.set_paused(dag_id, paused=False)

    def pause(self, dag_id: str) -> None:
        self.api.set_paused(dag_id, paused=True)

    def backfill_command(self, dag_id: str, from_date: str, to_date: str, max_active_runs: int = 4) -> None:
        """Run `airflow backfill create` as a user types it; dates are inclusive. The DAG is unpaused."""
        self.wait_for_dag(dag_id)
        dates = ["--from-date", from_date, "--to-date", to_date]
        self.processes.checked_cli(
            "backfill", "create", "--dag-id", dag_id, *dates, "--max-active-runs", str(max_active_runs)
        )
        self.unpause(dag_id)

    def backfill(
        self, dag_id: str, from_date: str, to_date: str, reprocess_behavior: str = "none", max_active_runs: int = 4
    ) -> None:
        """Do what `backfill_command` does through the API: the command spends 10 seconds on imports."""
        self.wait_for_dag(dag_id)
        body = {"dag_id": dag_id, "from_date": f"{from_date}T00:00:00Z", "to_date": f"{to_date}T00:00:00Z"}
        how = {"reprocess_behavior": reprocess_behavior, "max_active_runs": max_active_runs}
        # Its runs are finished, but the scheduler may need 30 seconds more to say so of an earlier backfill.
        self.api.cancel_backfills(dag_id)
        self.api.create_backfill({**body, **how})
        self.unpause(dag_id)

    def wait_for_backfill(self, dag_id: str, timeout_seconds: float = 600) -> list[Row]:
        """Wait until every run that a backfill of the DAG has made is finished; returns all runs of the DAG."""

        def finished() -> bool:
            runs = self.api.runs(dag_id, run_type="backfill")
            return bool(runs) and all(run["state"] in FINISHED for run in runs)

        self.wait_until(finished, f"backfill of {dag_id}", timeout_seconds)
        return self.runs(dag_id)

    def wait_for_runs(self, dag_id: str, count: int = 1, timeout_seconds: float = 600) -> list[Row]:
        """Wait until the DAG has at least `count` runs and none is queued or running; returns all of them."""

        def finished() -> bool:
            runs = self.runs(dag_id)
            return len(runs) >= count and all(run["state"] in FINISHED for run in runs)

        self.wait_until(finished, f"{count} runs of {dag_id}", timeout_seconds)
        return self.runs(dag_id)

    def wait_for_run(self, dag_id: str, run_id: str, timeout_seconds: float = 600) -> Row:
        """Wait until one run is finished; returns it."""
        finished = lambda: self.api.run(dag_id, run_id)["state"] in FINISHED  # noqa: E731
        self.wait_until(finished, f"run {run_id} of {dag_id}", timeout_seconds)
        return self.api.run(dag_id, run_id)

    def runs(self, dag_id: str) -> list[Row]:
        """Return all runs, oldest logical date first: `dag_run_id`, `state`, `data_interval_start`, `run_type`..."""
        return self.api.runs(dag_id)

    def task_instances(self, dag_id: str, run_id: str) -> list[Row]:
        """Task instances of a run: `task_id`, `map_index`, `rendered_map_index`, `state`, `try_number`..."""
        return self.api.task_instances(dag_id, run_id)

    def task_log(
        self, dag_id: str, run_id: str, task_id: str, map_index: int = -1, try_number: int | None = None
    ) -> str:
        """Return what the last try (or the given one) logged, one event per line."""
        tries = try_number or self.api.task_tries(dag_id, run_id, task_id, map_index)
        return self.api.task_log(dag_id, run_id, task_id, map_index, tries)

    def clear_failed(self, dag_id: str, start: str | None = None, end: str | None = None) -> str:
        """Run `airflow tasks clear --only-failed` for runs whose logical date is in the range."""
        arguments = ["--only-failed", "--yes"]
        arguments += ["--start-date", start] if start else []
        arguments += ["--end-date", end] if end else []
        return self.processes.checked_cli("tasks", "clear", dag_id, *arguments)

    def import_errors(self) -> dict[str, str]:
        """Return the import errors of DAG files, by file."""
        return self.api.import_errors()

    def trigger(self, dag_id: str, conf: Mapping[str, object] | None = None, **body: object) -> str:
        """Start a run by hand as the UI does; returns its run id."""
        self.unpause(dag_id)
        return str(self.api.trigger(dag_id, conf=dict(conf or {}), **body)["dag_run_id"])

    def wait_until(self, done: Callable[[], bool], what: str, timeout_seconds: float) -> None:
        """Wait for the scheduler's work; a process that ended by itself fails with its last lines."""
        deadline = time.monotonic() + timeout_seconds
        while not done():
            for server in self.running.values():
                if not server.is_running():
                    raise LocalStackError(f"{server.name} ended by itself:\n{server.last_lines()}")
            if time.monotonic() > deadline:
                last = self.running["scheduler"].last_lines()
                raise LocalStackError(f"{what} took longer than {timeout_seconds:.0f} seconds. Scheduler:\n{last}")
            time.sleep(_POLL_SECONDS)


def _without_our_settings(environment: Mapping[str, str]) -> dict[str, str]:
    """Settings of the developer's own shell must not reach a test."""
    ours = ("CANDLE_INGEST_", "INFLUXDB_", "REDIS_")
    return {key: value for key, value in environment.items() if not key.startswith(ours)}
