"""PostgreSQL for the local stack and the tests: it holds Airflow's database."""

from __future__ import annotations

import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psycopg2
from psycopg2.extensions import connection
from psycopg2.sql import SQL, Identifier

from dev.local_stack import reaper
from dev.local_stack.errors import ServerNotReadyError, ServerRefusedError
from dev.local_stack.generated_secrets import write_private
from dev.local_stack.ports import HOST
from dev.local_stack.postgres_programs import as_accepted_user, find_postgres
from dev.local_stack.process_session import kill_session
from dev.local_stack.waiting import wait_until

# Created by initdb; connect to it to create others.
_FIRST_DATABASE = "postgres"
_START_SECONDS = 60
_STOP_SECONDS = 20


@dataclass(frozen=True, kw_only=True)
class PostgresServer:
    """A PostgreSQL on 127.0.0.1 with its files in `folder`, the database itself in `folder/data`."""

    port: int
    password: str = field(repr=False)
    folder: Path
    user: str = "airflow"
    database: str = "airflow"

    @property
    def url(self) -> str:
        """Return the URL of its database, as SQLAlchemy takes it."""
        return f"postgresql+psycopg2://{self.user}:{self.password}@{HOST}:{self.port}/{self.database}"

    @property
    def data(self) -> Path:
        """Return the folder of the database cluster."""
        return self.folder / "data"

    def is_ready(self) -> bool:
        """Return whether it answers. Raises LocalStackError for a wrong password, as waiting does not help."""
        try:
            self.connect(_FIRST_DATABASE).close()
        except psycopg2.OperationalError as error:
            if "password authentication failed" in str(error):
                raise ServerRefusedError(
                    f"PostgreSQL refuses the password: {self.folder} belongs to an older secrets.json. "
                    "Delete that folder; Airflow's runs are in it, candles are not."
                ) from error
            return False
        return True

    def connect(self, database: str | None = None) -> connection:
        """Open a connection that commits each statement; the caller closes it."""
        address = {"host": HOST, "port": self.port, "user": self.user, "password": self.password}
        opened = psycopg2.connect(**address, dbname=database or self.database, connect_timeout=5)
        opened.autocommit = True
        return opened

    def create_database(self, template: str = "template1") -> None:
        """Create its database as a copy of `template`; an existing one of that name is deleted."""
        name = Identifier(self.database)
        with closing(self.connect(_FIRST_DATABASE)) as opened, opened.cursor() as cursor:
            cursor.execute(SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(name))
            cursor.execute(SQL("CREATE DATABASE {} TEMPLATE {}").format(name, Identifier(template)))


@contextmanager
def running_postgres(server: PostgresServer, log: Path, *, durable: bool = True) -> Iterator[None]:
    """Run the server until the end of the block; what Airflow writes while it shuts down is still stored.

    If not `durable`, the server does not wait for the disk, and a crash of the machine may lose data.
    """
    programs = find_postgres()
    log.parent.mkdir(parents=True, exist_ok=True)
    if not server.data.exists():
        _initialize(server, programs)
    with log.open("ab") as out:
        process = subprocess.Popen(  # noqa: S603 - found on this machine
            _command(server, programs, durable=durable),
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            start_new_session=True,
        )
    # Ctrl-C may come while the reaper starts.
    try:
        reaper.watch(process.pid)
        wait_until(server.is_ready, f"PostgreSQL (see {log})", _START_SECONDS, lambda: process.poll() is None)
        yield
    finally:
        _stop(process)


def _initialize(server: PostgresServer, programs: Path) -> None:
    server.folder.mkdir(parents=True, exist_ok=True)
    # Created next to its place, so that an incomplete cluster is never mistaken for a complete one.
    unfinished = server.folder / "data.unfinished"
    shutil.rmtree(unfinished, ignore_errors=True)
    password_file = server.folder / "password"
    write_private(password_file, server.password + "\n")
    argv = as_accepted_user(
        str(programs / "initdb"),
        *("--pgdata", str(unfinished), "--username", server.user, "--pwfile", str(password_file)),
        *("--auth", "scram-sha-256", "--encoding", "UTF8", "--locale", "C"),
    )
    answer = subprocess.run(argv, cwd="/", capture_output=True, text=True, check=False)  # noqa: S603 - as above
    password_file.unlink()
    if answer.returncode != 0:
        last = (answer.stderr.strip() or answer.stdout.strip() or "no output").splitlines()[-1]
        raise ServerNotReadyError(f"PostgreSQL's initdb failed: {last[:300]}")
    unfinished.rename(server.data)


def _command(server: PostgresServer, programs: Path, *, durable: bool) -> tuple[str, ...]:
    return as_accepted_user(
        str(programs / "postgres"),
        *("-D", str(server.data), "-p", str(server.port), "-c", f"listen_addresses={HOST}"),
        # Its usual folder for sockets belongs to the machine's own PostgreSQL.
        *("-c", "unix_socket_directories="),
        *(() if durable else ("-c", "fsync=off", "-c", "full_page_writes=off", "-c", "synchronous_commit=off")),
    )


def _stop(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        # SIGINT: do not wait for open connections.
        process.send_signal(signal.SIGINT)
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
    kill_session(process.pid)
    process.wait()
    reaper.forget(process.pid)
