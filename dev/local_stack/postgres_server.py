"""PostgreSQL for the local stack and the tests: Airflow's database where several machines could share it."""

from __future__ import annotations

import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from dev.local_stack.errors import LocalStackError
from dev.local_stack.generated_secrets import write_private
from dev.local_stack.ports import HOST
from dev.local_stack.postgres_programs import as_accepted_user, find_postgres
from dev.local_stack.process_session import kill_session
from dev.local_stack.waiting import wait_until

# initdb makes it; nobody else uses this server.
_DATABASE = "postgres"
_START_SECONDS = 60
_STOP_SECONDS = 20


@dataclass(frozen=True, kw_only=True)
class PostgresServer:
    """A PostgreSQL on 127.0.0.1 with its files in `folder`, the database itself in `folder/data`."""

    port: int
    password: str = field(repr=False)
    folder: Path
    user: str = "airflow"

    @property
    def url(self) -> str:
        """Its database, as SQLAlchemy takes it."""
        return f"postgresql+psycopg2://{self.user}:{self.password}@{HOST}:{self.port}/{_DATABASE}"

    @property
    def data(self) -> Path:
        """The database cluster."""
        return self.folder / "data"

    def is_ready(self) -> bool:
        """Whether it answers. Raises LocalStackError for a wrong password: waiting doesn't help."""
        # Here, because only this server needs the driver.
        import psycopg2

        try:
            psycopg2.connect(
                host=HOST, port=self.port, user=self.user, password=self.password, dbname=_DATABASE, connect_timeout=5
            ).close()
        except psycopg2.OperationalError as error:
            if "password authentication failed" in str(error):
                raise LocalStackError(
                    f"PostgreSQL refuses the password: {self.folder} belongs to an older secrets.json. "
                    "Delete that folder; Airflow's runs are in it, candles are not."
                ) from error
            return False
        return True


@contextmanager
def running_postgres(server: PostgresServer, log: Path) -> Iterator[None]:
    """Run it for as long as the block lasts; what Airflow writes while it ends is still stored."""
    programs = find_postgres()
    log.parent.mkdir(parents=True, exist_ok=True)
    if not server.data.exists():
        _initialize(server, programs)
    with log.open("ab") as out:
        process = subprocess.Popen(  # noqa: S603 - found on this machine
            _command(server, programs),
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            start_new_session=True,
        )
    try:
        wait_until(server.is_ready, f"PostgreSQL (see {log})", _START_SECONDS, lambda: process.poll() is None)
        yield
    finally:
        _stop(process)


def _initialize(server: PostgresServer, programs: Path) -> None:
    server.folder.mkdir(parents=True, exist_ok=True)
    # Made beside its place: a half made cluster is never taken for a whole one.
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
        raise LocalStackError(f"PostgreSQL's initdb failed: {last[:300]}")
    unfinished.rename(server.data)


def _command(server: PostgresServer, programs: Path) -> tuple[str, ...]:
    return as_accepted_user(
        str(programs / "postgres"),
        *("-D", str(server.data), "-p", str(server.port), "-c", f"listen_addresses={HOST}"),
        # Its usual folder for sockets belongs to the machine's own PostgreSQL.
        *("-c", "unix_socket_directories="),
    )


def _stop(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        # SIGINT: without waiting for connections that somebody left open.
        process.send_signal(signal.SIGINT)
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
    kill_session(process.pid)
    process.wait()
