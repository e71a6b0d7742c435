"""The servers of one run: which are started, where they listen, and how they find each other."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from candle_ingest.exchanges.profiles import canonical_exchange
from candle_ingest.servers.connection_names import INFLUXDB_CONNECTION, INFLUXDB_READ_CONNECTION
from dev.exchange_simulator.markets import EXCHANGES as SIMULATED_EXCHANGES
from dev.local_stack.airflow_processes import REPOSITORY, AirflowProcesses
from dev.local_stack.celery_workers import CeleryWorkers
from dev.local_stack.errors import StackOptionError
from dev.local_stack.generated_secrets import GeneratedSecrets
from dev.local_stack.influxd import find_influxd
from dev.local_stack.influxdb_server import ORGANIZATION, InfluxdbServer, influxd_command
from dev.local_stack.options import PORT_VARIABLES, StackOptions
from dev.local_stack.ports import HOST, choose_port, free_port
from dev.local_stack.postgres_programs import find_postgres, major_version
from dev.local_stack.postgres_server import PostgresServer
from dev.local_stack.redis_server import RedisServer, redis_command
from dev.local_stack.server_command import ServerCommand
from dev.local_stack.settings_file import AirflowSettings, read_settings

_PREFERRED_PORTS = {"airflow": 8080, "influxdb": 8086, "postgres": 5432, "redis": 6379, "simulator": 8899}

Say = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class LocalStack:
    """Everything that is decided before a server starts."""

    options: StackOptions
    folder: Path
    secrets: GeneratedSecrets
    redis: RedisServer
    influxdb: InfluxdbServer
    simulator_url: str | None
    # Runs before and after all others: it is not among `servers`.
    postgres: PostgresServer | None
    airflow: AirflowProcesses
    settings: AirflowSettings
    servers: tuple[ServerCommand, ...]

    @property
    def logs(self) -> Path:
        """Return the folder with the full output of each process."""
        return self.folder / "logs"

    def commands(self) -> tuple[ServerCommand, ...]:
        """Return the command of every process in this run."""
        return (*self.servers, *self.airflow.commands())

    def report_environment(self) -> dict[str, str]:
        """Return the environment of a program that reads from Redis and InfluxDB."""
        return {
            **self.airflow.environment,
            "PYTHONPATH": os.pathsep.join([str(REPOSITORY), str(self.airflow.plugins_folder)]),
            "INFLUXDB_URL": self.influxdb.url,
            "INFLUXDB_TOKEN": self.influxdb.token,
            "INFLUXDB_ORG": self.influxdb.org,
            "REDIS_HOST": self.redis.host,
            "REDIS_PORT": str(self.redis.port),
            "REDIS_PASSWORD": self.redis.password or "",
        }


def stack_folder(options: StackOptions) -> Path:
    """Return the market's own folder, as Airflow's runs of one market say nothing about the other."""
    return options.folder / options.market


def plan_stack(options: StackOptions, say: Say, progress: Say) -> LocalStack:
    """Choose ports, find programs, and put the addresses into Airflow's connections.

    `progress` receives the progress of the download or build of a program.
    """
    folder = stack_folder(options)
    secrets = GeneratedSecrets.load_or_generate(folder / "secrets.json")
    servers: list[ServerCommand] = []
    redis = options.redis or _local_redis(options, secrets, folder, servers, say)
    influxdb = options.influxdb or _local_influxdb(options, secrets, folder, servers, say, progress)
    simulator_url = _simulator(options, servers, say) if options.is_simulated else None
    postgres = None if options.database_url else _local_postgres(options, secrets, folder, say)
    airflow = AirflowProcesses(
        home=folder / "airflow",
        port=_choose("airflow", "Airflow", options, say),
        database_url=options.database_url or (postgres.url if postgres else ""),
        secrets=secrets,
        title="candle-ingest (SIMULATED data)" if options.is_simulated else "candle-ingest",
        celery=_celery_workers(options, secrets, folder, servers),
        extra_environment=pipeline_environment(options),
    )
    return LocalStack(
        options=options,
        folder=folder,
        secrets=secrets,
        redis=redis,
        influxdb=influxdb,
        simulator_url=simulator_url,
        postgres=postgres,
        airflow=airflow,
        settings=_settings(options, redis, influxdb, simulator_url),
        servers=tuple(servers),
    )


def _choose(service: str, name: str, options: StackOptions, say: Say) -> int:
    requested = options.requested_ports.get(service)
    return choose_port(name, PORT_VARIABLES[service], requested, _PREFERRED_PORTS[service], say)


def _local_redis(
    options: StackOptions, secrets: GeneratedSecrets, folder: Path, servers: list[ServerCommand], say: Say
) -> RedisServer:
    port = _choose("redis", "Redis", options, say)
    server = RedisServer(host=HOST, port=port, password=secrets.redis_password)
    servers.append(redis_command(server, folder / "redis"))
    return server


def _local_influxdb(
    options: StackOptions,
    secrets: GeneratedSecrets,
    folder: Path,
    servers: list[ServerCommand],
    say: Say,
    progress: Say,
) -> InfluxdbServer:
    binary = find_influxd(say, progress)
    port = _choose("influxdb", "InfluxDB", options, say)
    servers.append(influxd_command(binary, port, folder / "influxdb"))
    return InfluxdbServer(url=f"http://{HOST}:{port}", token=secrets.influxdb_token, org=ORGANIZATION)


def _simulator(options: StackOptions, servers: list[ServerCommand], say: Say) -> str:
    check_simulated(options.exchanges)
    port = _choose("simulator", "the exchange simulator", options, say)
    argv = (sys.executable, "-m", "dev.exchange_simulator", "--host", HOST, "--port", str(port))
    servers.append(ServerCommand(name="simulator", argv=argv, folder=REPOSITORY))
    return f"http://{HOST}:{port}"


def _local_postgres(options: StackOptions, secrets: GeneratedSecrets, folder: Path, say: Say) -> PostgresServer:
    """Return a PostgreSQL whose folder is named after its major version, as no other can read it.

    It holds Airflow's runs, but no candles.
    """
    name = f"postgres-{major_version(find_postgres())}"
    port = _choose("postgres", "PostgreSQL", options, say)
    return PostgresServer(port=port, password=secrets.postgres_password, folder=folder / name)


def _celery_workers(
    options: StackOptions, secrets: GeneratedSecrets, folder: Path, servers: list[ServerCommand]
) -> CeleryWorkers | None:
    """Return workers with a separate broker: the other Redis may be the user's, be shared, or be emptied."""
    if options.executor != "celery":
        return None
    broker = RedisServer(host=HOST, port=free_port(), password=secrets.broker_password)
    servers.append(redis_command(broker, folder / "broker", name="broker"))
    return CeleryWorkers(broker_url=broker.url)


def check_simulated(exchanges: Sequence[str]) -> None:
    """Raise LocalStackError for an exchange without a simulator, as requests would go to the real one."""
    unknown = [name for name in exchanges if canonical_exchange(name) not in SIMULATED_EXCHANGES]
    if unknown:
        raise StackOptionError(
            f"EXCHANGES: the simulator has no {', '.join(unknown)}; it has {', '.join(SIMULATED_EXCHANGES)}. "
            "Or use the real exchanges with MARKET=live."
        )


def pipeline_environment(options: StackOptions) -> dict[str, str]:
    """Return the settings of the default pipeline and, on the live market, the user's own exchange connections.

    On the simulated market those are left out, as they lead to the real exchange. Other pipelines use the same bucket,
    unless they name one: simulated data must not get into the default one.
    """
    own = {} if options.is_simulated else _exchange_connections()
    return {
        **own,
        "CANDLE_INGEST_BACKFILL_START_DATE": options.backfill,
        "CANDLE_INGEST_EXCHANGES": ",".join(options.exchanges),
        "CANDLE_INGEST_INFLUXDB_BUCKET": options.bucket,
        "INFLUXDB_BUCKET": options.bucket,
    }


def _exchange_connections() -> dict[str, str]:
    prefix = "AIRFLOW_CONN_CCXT_"
    return {key: value for key, value in os.environ.items() if key.upper().startswith(prefix)}


def _settings(
    options: StackOptions, redis: RedisServer, influxdb: InfluxdbServer, simulator_url: str | None
) -> AirflowSettings:
    address = urlsplit(influxdb.url)
    port = address.port or (443 if address.scheme == "https" else 80)
    settings = read_settings(REPOSITORY / "airflow_settings.yaml")
    settings = settings.with_connection(
        "redis_default", conn_type="redis", host=redis.host, port=redis.port, password=redis.password
    )
    # Both connections: an earlier run may have left one that leads to another server.
    for connection_id in (INFLUXDB_CONNECTION, INFLUXDB_READ_CONNECTION):
        settings = settings.with_connection(
            connection_id,
            conn_type="influxdb",
            host=address.hostname,
            port=port,
            schema=address.scheme,
            extra={"token": influxdb.token, "org": influxdb.org},
        )
    for exchange in SIMULATED_EXCHANGES if simulator_url else ():
        url = f"{simulator_url}/{exchange}"
        settings = settings.with_connection(f"ccxt_{exchange}", conn_type="generic", host=url)
    return settings
