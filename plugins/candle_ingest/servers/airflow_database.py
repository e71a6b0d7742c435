"""Check whether Airflow's database answers, which says where Redis and InfluxDB are."""

import os

from candle_ingest.errors import TemporaryError
from candle_ingest.errors.servers import AirflowDatabaseError, LocalStackNotReadyError

# How the local stack is started; its `terminal.sh` sets it.
LOCAL_STACK_VARIABLE = "LOCAL_STACK_COMMAND"


def local_stack_command() -> str:
    """Return the command that starts the local stack of this shell; empty if the shell belongs to none."""
    return os.environ.get(LOCAL_STACK_VARIABLE, "")


def check_airflow_database() -> None:
    """Raise TemporaryError if this process reads connections from Airflow's database and gets no answer.

    Airflow itself treats a database without an answer like one without the connection. Tasks read no database.
    """
    from airflow.sdk.execution_time.supervisor import ensure_secrets_backend_loaded
    from airflow.secrets.metastore import MetastoreBackend

    if any(isinstance(backend, MetastoreBackend) for backend in ensure_secrets_backend_loaded()):
        _connect()


def _connect() -> None:
    from airflow.utils.session import create_session
    from sqlalchemy.exc import OperationalError

    with create_session() as session:
        engine = session.get_bind().engine
    # Airflow uses SQLite if no database is configured; the connections are then given by variables.
    if engine.dialect.name == "sqlite":
        return
    address = f"Airflow's database at {engine.url.host}:{engine.url.port}"
    try:
        engine.connect().close()
    except OperationalError as error:
        raise _unreachable(address, str(error.orig).strip().splitlines()[0]) from error


def _unreachable(address: str, reason: str) -> TemporaryError:
    if command := local_stack_command():
        return LocalStackNotReadyError(
            f"the local stack is stopped: {address} does not answer. Start it with `{command}`; if it already "
            "runs, read its terminal.sh again"
        )
    return AirflowDatabaseError(
        f"{address} does not answer, and its connections say where Redis and InfluxDB are: {reason}"
    )
