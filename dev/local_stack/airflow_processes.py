"""Airflow as separate processes on one machine: scheduler, DAG processor, API server, and optionally Celery workers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from dev.local_stack.celery_workers import WORKER_ENVIRONMENT, WORKERS, CeleryWorkers
from dev.local_stack.errors import StackAirflowError
from dev.local_stack.generated_secrets import GeneratedSecrets, write_private
from dev.local_stack.ports import HOST
from dev.local_stack.server_command import ServerCommand
from dev.local_stack.shortened import shortened

ADMIN = "admin"
REPOSITORY = Path(__file__).resolve().parents[2]
_PASSWORDS_FILE = "simple_auth_manager_passwords.json"


@dataclass(frozen=True, kw_only=True)
class AirflowProcesses:
    """One Airflow: its folder, its port on 127.0.0.1, and its secrets."""

    home: Path
    port: int
    # The SQLAlchemy URL of a PostgreSQL, with its password.
    database_url: str = field(repr=False)
    secrets: GeneratedSecrets
    dags_folder: Path = REPOSITORY / "dags"
    plugins_folder: Path = REPOSITORY / "plugins"
    title: str = "candle-ingest"
    # Without it the scheduler runs the tasks itself (LocalExecutor).
    celery: CeleryWorkers | None = None
    inherited: Mapping[str, str] = field(default_factory=lambda: dict(os.environ), repr=False)
    # On top of the settings below: connections, pipeline settings, other Airflow settings.
    extra_environment: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def url(self) -> str:
        """Return the address of the UI and the REST API."""
        return f"http://{HOST}:{self.port}"

    @property
    def passwords_file(self) -> Path:
        """Return the file with the UI's password; only its owner can read it."""
        return self.home / _PASSWORDS_FILE

    @property
    def environment(self) -> dict[str, str]:
        """Return the whole environment of Airflow's processes.

        Settings of another Airflow on this machine (AIRFLOW_HOME, AIRFLOW__..., AIRFLOW_CONN_...) are left out.
        """
        inherited = {key: value for key, value in self.inherited.items() if not key.startswith("AIRFLOW")}
        return {**inherited, **self._settings(), **self.extra_environment}

    def commands(self) -> tuple[ServerCommand, ...]:
        """Return the long-running processes of Airflow."""
        return (
            # Without --skip-serve-logs it would listen on all addresses; the API server reads the files.
            self._command("scheduler", "scheduler", "--skip-serve-logs"),
            self._command("dag-processor", "dag-processor"),
            self._command("api-server", "api-server", "--host", HOST, "--port", str(self.port)),
            *(self._worker(name, self.celery) for name in WORKERS if self.celery),
        )

    def cli(self, *arguments: str, timeout_seconds: float = 300) -> subprocess.CompletedProcess[str]:
        """Run `airflow <arguments>` against this Airflow and return what it printed."""
        return subprocess.run(  # noqa: S603 - our own interpreter
            [*_AIRFLOW, *arguments],
            cwd=self.home,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=timeout_seconds,
            check=False,
        )

    def checked_cli(self, *arguments: str) -> str:
        """Run a command as `cli` does. Raises LocalStackError if it fails."""
        answer = self.cli(*arguments)
        if answer.returncode != 0:
            last = (answer.stderr.strip() or answer.stdout.strip() or "no output").splitlines()[-1]
            raise StackAirflowError(f"`airflow {' '.join(arguments[:2])}` failed: {shortened(last)}")
        return answer.stdout

    def prepare(self) -> None:
        """Create or upgrade the database, and set the administrator's password."""
        self.home.mkdir(parents=True, exist_ok=True)
        self.write_passwords()
        self.checked_cli("db", "migrate")

    def write_passwords(self) -> None:
        """Set the administrator's password."""
        passwords = {ADMIN: self.secrets.airflow_admin_password}
        write_private(self.passwords_file, json.dumps(passwords) + "\n")

    def _worker(self, name: str, celery: CeleryWorkers) -> ServerCommand:
        command = self._command(name, *celery.arguments(name))
        return replace(command, environment={**command.environment, **WORKER_ENVIRONMENT})

    def _command(self, name: str, *arguments: str) -> ServerCommand:
        return ServerCommand(name=name, argv=(*_AIRFLOW, *arguments), folder=self.home, environment=self.environment)

    def _settings(self) -> dict[str, str]:
        return {
            "AIRFLOW_HOME": str(self.home),
            "PYTHONPATH": str(REPOSITORY),
            "PYTHONUNBUFFERED": "1",
            **_FIXED_SETTINGS,
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": self.database_url,
            **(self.celery.settings if self.celery else {}),
            "AIRFLOW__CORE__DAGS_FOLDER": str(self.dags_folder),
            "AIRFLOW__CORE__PLUGINS_FOLDER": str(self.plugins_folder),
            "AIRFLOW__CORE__FERNET_KEY": self.secrets.airflow_fernet_key,
            "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{self.url}/execution/",
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": f"{ADMIN}:admin",
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(self.passwords_file),
            "AIRFLOW__API__BASE_URL": self.url,
            "AIRFLOW__API__INSTANCE_NAME": self.title,
            "AIRFLOW__API__SECRET_KEY": self.secrets.airflow_api_secret_key,
            "AIRFLOW__API_AUTH__JWT_SECRET": self.secrets.airflow_jwt_secret,
        }


_AIRFLOW = (sys.executable, "-m", "airflow")

_FIXED_SETTINGS = {
    "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
    "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
    # `prepare` has migrated the database: each process would load all migrations to see that, for a second of CPU.
    "AIRFLOW__DATABASE__CHECK_MIGRATIONS": "False",
    # They are unpaused once Redis, InfluxDB and the symbols are there.
    "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "True",
    "AIRFLOW__CORE__PARALLELISM": "8",
    "AIRFLOW__API__WORKERS": "1",
    "AIRFLOW__DAG_PROCESSOR__PARSING_PROCESSES": "1",
    "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.3",
    # Detect a task whose process was killed after one minute instead of five.
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "60",
    # Likewise the tasks of a scheduler that was killed.
    "AIRFLOW__SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "60",
    # Airflow would repeat its own deprecation warnings in the log of each task.
    "PYTHONWARNINGS": "ignore::DeprecationWarning,ignore::PendingDeprecationWarning",
    "AIRFLOW__LOGGING__COLORED_CONSOLE_LOG": "False",
    "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
    "DO_NOT_TRACK": "1",
    "SCARF_NO_ANALYTICS": "true",
}
