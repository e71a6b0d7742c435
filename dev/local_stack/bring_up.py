"""Wait for the servers one after another, and give each what the next one needs."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from datetime import UTC, datetime

from candle_ingest.settings import PipelineSettings
from dev.local_stack.airflow_api import AirflowApi
from dev.local_stack.errors import StackAirflowError
from dev.local_stack.influxdb_tokens import with_narrow_tokens
from dev.local_stack.manager import StackManager
from dev.local_stack.pipeline import pipeline_buckets
from dev.local_stack.settings_file import AirflowSettings
from dev.local_stack.stack import LocalStack
from dev.local_stack.symbols import write_symbols
from dev.local_stack.terminal_file import terminal_file

_SERVER_SECONDS = 60
_AIRFLOW_SECONDS = 180

Say = Callable[[str], None]


def bring_up(stack: LocalStack, settings: PipelineSettings, manager: StackManager, api: AirflowApi, say: Say) -> None:
    """Return when the DAGs can be unpaused. Raises LocalStackError that names the server that did not answer."""
    started = datetime.now(UTC)
    manager.wait_until(manager.has_started, "The processes", _SERVER_SECONDS)
    manager.watch_processes()
    _redis(stack, settings, manager, say)
    airflow_settings = _influxdb(stack, settings, manager)
    say("Redis and InfluxDB are ready; Airflow needs about 20 seconds")
    manager.wait_until(api.answers, "Airflow's API server", _AIRFLOW_SECONDS)
    # Before the scheduler is ready: its first tasks need the connections.
    for kind in ("connections", "pools", "variables"):
        api.overwrite(kind, list(getattr(airflow_settings, kind)))
    say(f"Airflow is ready. For a second terminal: . {shlex.quote(str(terminal_file(stack)))}")
    manager.wait_until(api.is_ready, "Airflow's scheduler and DAG processor", _AIRFLOW_SECONDS)
    for dag_id in (settings.backfill_dag_id, settings.catch_up_dag_id, settings.repair_dag_id):
        _wait_for_dag(dag_id, manager, api, started)


def _redis(stack: LocalStack, settings: PipelineSettings, manager: StackManager, say: Say) -> None:
    address = f"Redis at {stack.redis.host}:{stack.redis.port}"
    manager.wait_until(stack.redis.is_ready, address, _SERVER_SECONDS)
    write_symbols(stack.redis, settings.redis_key_crypto_symbols, stack.options, say)


def _influxdb(stack: LocalStack, settings: PipelineSettings, manager: StackManager) -> AirflowSettings:
    """Return Airflow's settings with InfluxDB connections whose tokens have the least rights needed."""
    server = stack.influxdb
    manager.wait_until(server.is_ready, f"InfluxDB at {server.url}", _SERVER_SECONDS)
    if stack.options.influxdb is not None:
        server.check_token()
        server.ensure_bucket(settings.influxdb_bucket)
        return stack.settings
    server.set_up(stack.secrets.influxdb_password, settings.influxdb_bucket)
    server.check_token()
    return with_narrow_tokens(stack.settings, server, pipeline_buckets(stack.airflow.environment))


def _wait_for_dag(dag_id: str, manager: StackManager, api: AirflowApi, started: datetime) -> None:
    """Wait until the DAG has been parsed since the start: the version stored earlier may have other settings."""

    def is_there() -> bool:
        for file, trace in api.import_errors().items():
            raise StackAirflowError(f"Airflow can't load {file}: {trace.strip().splitlines()[-1]}")
        return api.has_dag(dag_id, parsed_since=started)

    manager.wait_until(is_there, f"The DAG {dag_id}", _AIRFLOW_SECONDS)
