"""A file for the user's shell: with it, `candle-ingest` and `airflow` use the servers of `make run`."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

from candle_ingest.servers.airflow_database import LOCAL_STACK_VARIABLE
from dev.local_stack.airflow_processes import REPOSITORY
from dev.local_stack.generated_secrets import write_private
from dev.local_stack.stack import LocalStack

# No connections: they are in Airflow's database.
_VARIABLES = (
    "AIRFLOW_HOME", "AIRFLOW__CORE__FERNET_KEY", "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN", "INFLUXDB_BUCKET",
    # It says whether the data is simulated.
    "AIRFLOW__API__INSTANCE_NAME",
)  # fmt: skip
_PIPELINE_PREFIXES = ("CANDLE_INGEST_", "AIRFLOW_CONN_")
# `candle-ingest`, and `airflow` beside the Python that runs.
_PROGRAMS = (REPOSITORY / "bin", Path(sys.executable).parent)


def terminal_file(stack: LocalStack) -> Path:
    """Return the path of the file."""
    return stack.folder / "terminal.sh"


def write_terminal_file(stack: LocalStack) -> None:
    """Write the file; only its owner can read it. Its contents are known before any server starts."""
    known = stack.airflow.environment
    needed = [name for name in sorted(known) if name in _VARIABLES or name.startswith(_PIPELINE_PREFIXES)]
    lines = [f"export {name}={shlex.quote(known[name])}" for name in needed]
    lines.append(f"export {LOCAL_STACK_VARIABLE}={shlex.quote(stack.options.command)}")
    lines.append(f'export PATH={shlex.quote(":".join(map(str, _PROGRAMS)))}:"$PATH"')
    write_private(terminal_file(stack), "\n".join(lines) + "\n")
