"""Databases for the Airflows of tests: one PostgreSQL for each test worker, a database for each Airflow."""

from __future__ import annotations

import os
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from dev.local_stack.airflow_processes import AirflowProcesses
from dev.local_stack.file_lock import file_lock
from dev.local_stack.generated_secrets import GeneratedSecrets
from dev.local_stack.ports import HOST, free_port
from dev.local_stack.postgres_programs import find_postgres
from dev.local_stack.postgres_server import PostgresServer, running_postgres

# Nothing outside the tests can reach it, and their files end with them.
_PASSWORD = "of-the-tests"
_TEMPLATE = "airflow_template"


@dataclass(frozen=True, kw_only=True)
class AirflowDatabases:
    """A running PostgreSQL that has a migrated, empty database to copy."""

    server: PostgresServer

    def new_database(self) -> PostgresServer:
        """Create a migrated, empty database with a name that nothing else has."""
        database = replace(self.server, database=f"airflow_{uuid.uuid4().hex[:12]}")
        database.create_database(template=_TEMPLATE)
        return database


@contextmanager
def airflow_databases(shared: Path, folder: Path) -> Iterator[AirflowDatabases]:
    """Run a PostgreSQL in `folder`; its template is made once for all that name the same `shared` folder.

    Airflow's migration takes 12 seconds, the copy of a cluster or of a database a fraction of one.
    """
    template = _template_cluster(shared)
    folder.mkdir(parents=True, exist_ok=True)
    # Owner and permissions too: PostgreSQL refuses files of another user.
    subprocess.run(["cp", "-a", str(template / "data"), str(folder)], check=True)
    server = _server(folder)
    with running_postgres(server, folder / "postgres.log", durable=False):
        yield AirflowDatabases(server=server)


def dump_database(database: PostgresServer) -> bytes:
    """Return all that is in a database, as SQL."""
    address = ("--host", HOST, "--port", str(database.port), "--username", database.user, database.database)
    environment = {**os.environ, "PGPASSWORD": database.password}
    program = str(find_postgres() / "pg_dump")
    return subprocess.run([program, *address], env=environment, capture_output=True, check=True).stdout


def _template_cluster(shared: Path) -> Path:
    folder = shared / "airflow-template"
    with file_lock(shared / "airflow-template.lock", lambda: None):
        if not (folder / "done").exists():
            server = _server(folder)
            with running_postgres(server, folder / "postgres.log", durable=False):
                server.create_database()
                home = folder / "home"
                secrets = GeneratedSecrets.generate()
                AirflowProcesses(home=home, port=free_port(), database_url=server.url, secrets=secrets).prepare()
            (folder / "done").touch()
    return folder


def _server(folder: Path) -> PostgresServer:
    return PostgresServer(port=free_port(), password=_PASSWORD, folder=folder, database=_TEMPLATE)
