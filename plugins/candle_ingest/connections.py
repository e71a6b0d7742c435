"""Connect to Redis, InfluxDB and the exchanges, by Airflow connections or else environment variables."""

import json
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, TypeAlias, TypeVar
from urllib.parse import urlsplit

import redis
from airflow.sdk import BaseHook, Connection
from airflow.sdk.exceptions import AirflowNotFoundException
from airflow.sdk.log import mask_secret
from influxdb_client import InfluxDBClient
from redis.backoff import ExponentialWithJitterBackoff
from redis.retry import Retry

from candle_ingest.errors.servers import LocalStackNotReadyError, RedisCertificateError
from candle_ingest.errors.settings import ConnectionInvalidError, ConnectionMissingError
from candle_ingest.servers.airflow_database import check_airflow_database, local_stack_command
from candle_ingest.servers.certificates import refused_certificate
from candle_ingest.servers.connection_names import INFLUXDB_CONNECTION, INFLUXDB_READ_CONNECTION, REDIS_CONNECTION
from candle_ingest.servers.redaction import without_userinfo

# redis-py types every result as possibly awaitable, so its client is left untyped here.
RedisClient: TypeAlias = Any
T = TypeVar("T")

REDIS_TIMEOUT_SECONDS = 10
# The default of redis-py.
REDIS_RETRIES = 3
INFLUXDB_TIMEOUT_MS = 60_000
EXTRA_EXAMPLE = '{"httpsProxy": "http://proxy.example:3128"}'


@dataclass(frozen=True, slots=True)
class ExchangeConnection:
    """How to reach one exchange.

    `base_url` replaces scheme, host and port of all its URLs; None leaves them. `config` is passed to ccxt. Both may
    hold secrets, so they are not part of the representation.
    """

    exchange: str
    base_url: str | None = field(default=None, repr=False)
    config: dict[str, Any] = field(default_factory=dict, repr=False)


def connect_redis() -> RedisClient:
    """Return a Redis client from `redis_default`, else from REDIS_HOST, REDIS_PORT and REDIS_PASSWORD."""
    connection = _find(REDIS_CONNECTION)
    return _redis_of_connection(connection) if connection else _redis_of_environment()


def _redis_of_connection(connection: Connection) -> RedisClient:
    from airflow.providers.redis.hooks.redis import RedisHook

    hook = RedisHook(redis_conn_id=REDIS_CONNECTION)
    # The hook reads only the extra, and would connect to rediss:// without TLS.
    hook.get_connection = lambda conn_id: _with_tls(connection)
    client: RedisClient = hook.get_conn()
    _set_timeouts(client)
    return client


def _redis_of_environment() -> RedisClient:
    host = _required("REDIS_HOST", REDIS_CONNECTION)
    if "://" in host:
        raise ConnectionInvalidError(
            "REDIS_HOST is a host name, not a URL. For TLS define the connection redis_default, for example "
            "AIRFLOW_CONN_REDIS_DEFAULT=rediss://:password@host:6380"
        )
    password = os.environ.get("REDIS_PASSWORD") or None
    if password:
        mask_secret(password)
    return redis.Redis(
        host=host,
        port=_port("REDIS_PORT", 6379),
        password=password,
        socket_timeout=REDIS_TIMEOUT_SECONDS,
        socket_connect_timeout=REDIS_TIMEOUT_SECONDS,
    )


class _RetryUnlessRefused(Retry):
    """Retries as redis-py does, except TLS connections that are refused permanently."""

    def call_with_retry(self, do: Callable[[], T], *arguments: Any, **more: Any) -> T:
        """Raise RedisCertificateError at once if the certificate is not accepted."""

        def attempt() -> T:
            try:
                return do()
            except redis.ConnectionError as error:
                if reason := refused_certificate(error):
                    raise RedisCertificateError(
                        f"Redis of {REDIS_CONNECTION}: {reason}. Name the file of its CA in the extra: ssl_ca_certs"
                    ) from error
                raise

        return super().call_with_retry(attempt, *arguments, **more)


def _with_tls(connection: Connection) -> Any:
    """Return what the hook reads of the connection, with TLS switched on if its type is rediss."""
    if connection.conn_type != "rediss":
        return connection
    read = {name: getattr(connection, name) for name in ("host", "port", "login", "password")}
    return SimpleNamespace(**read, extra_dejson={**connection.extra_dejson, "ssl": True})


def _set_timeouts(client: RedisClient) -> None:
    """Set the timeouts that the hook leaves out: a Redis that does not answer would block a task forever."""
    if isinstance(client, redis.Redis):
        client.set_retry(_RetryUnlessRefused(ExponentialWithJitterBackoff(), REDIS_RETRIES))
        for name in ("socket_timeout", "socket_connect_timeout"):
            client.connection_pool.connection_kwargs[name] = REDIS_TIMEOUT_SECONDS


def connect_influxdb() -> InfluxDBClient:
    """Return an InfluxDB client from `influxdb_default`, else from INFLUXDB_URL, INFLUXDB_TOKEN, INFLUXDB_ORG."""
    if connection := _find(INFLUXDB_CONNECTION):
        return _influxdb_client(connection)
    url, token, org = (
        _required(name, INFLUXDB_CONNECTION) for name in ("INFLUXDB_URL", "INFLUXDB_TOKEN", "INFLUXDB_ORG")
    )
    mask_secret(token)
    return InfluxDBClient(url=url, token=token, org=org, timeout=INFLUXDB_TIMEOUT_MS)


def connect_influxdb_to_read() -> InfluxDBClient:
    """Return an InfluxDB client from `influxdb_read`, else as `connect_influxdb`, for callers that never write."""
    connection = _find(INFLUXDB_READ_CONNECTION)
    return _influxdb_client(connection) if connection else connect_influxdb()


def _influxdb_client(connection: Connection) -> InfluxDBClient:
    from airflow.providers.influxdb.hooks.influxdb import InfluxDBHook

    # Its get_conn does the same, but logs the address in every task.
    hook = InfluxDBHook(conn_id=connection.conn_id)
    options = {"timeout": INFLUXDB_TIMEOUT_MS, **connection.extra_dejson}
    client: InfluxDBClient = hook.get_client(hook.get_uri(connection), options)
    return client


def exchange_connection(exchange: str) -> ExchangeConnection:
    """Return the optional connection `ccxt_<exchange>`: base URL, API key and secret, further ccxt settings."""
    conn_id = f"ccxt_{exchange}"
    connection = _find(conn_id)
    if connection is None:
        return ExchangeConnection(exchange)
    config = _extra(connection)
    config |= {key: value for key, value in (("apiKey", connection.login), ("secret", connection.password)) if value}
    base_url = _base_url(conn_id, connection)
    _mask_urls([base_url, *config.values()])
    return ExchangeConnection(exchange, base_url, config)


def _extra(connection: Connection) -> dict[str, Any]:
    """Return the extra. Raises ConnectionInvalidError if it is not valid; Airflow would take it for an empty one."""
    try:
        extra = json.loads(connection.extra or "{}")
    except (ValueError, RecursionError):
        extra = None
    if not isinstance(extra, dict):
        raise ConnectionInvalidError(
            f"connection {connection.conn_id}: extra is not a JSON object such as {EXTRA_EXAMPLE}"
        )
    connection.extra_dejson  # noqa: B018 - masks the secrets in it
    return extra


def _mask_urls(values: Iterable[object]) -> None:
    """Mask the passwords in URLs, of the host or of a proxy, which Airflow does not recognise as secrets."""
    for value in values:
        if isinstance(value, dict):
            _mask_urls(value.values())
        elif isinstance(value, str) and "@" in value:
            mask_secret(_password(value))


def _password(url: str) -> str:
    """Return the password in a URL; the whole text if it is not a URL."""
    try:
        return urlsplit(url).password or url
    except ValueError:
        return url


def _base_url(conn_id: str, connection: Connection) -> str | None:
    """Return the base URL, which Airflow may have split into scheme, host and port; None if there is no host."""
    host = connection.host
    if not host:
        return None
    if "://" not in host:
        port = f":{connection.port}" if connection.port else ""
        # If the connection was written as one URL, its scheme is the connection type and its path is the schema.
        names = (connection.schema, connection.conn_type, "https")
        scheme = next(name for name in names if name in ("http", "https"))
        path = f"/{connection.schema}" if connection.schema not in (None, "", "http", "https") else ""
        host = f"{scheme}://{host}{port}{path}"
    if not _is_web_address(host):
        raise ConnectionInvalidError(
            f"connection {conn_id}: host is {without_userinfo(host)!r}; write a base URL such as https://proxy.example"
        )
    return host.rstrip("/")


def _is_web_address(text: str) -> bool:
    try:
        return urlsplit(text).scheme in ("http", "https")
    except ValueError:
        return False


def _find(conn_id: str) -> Connection | None:
    """Return the connection; None if it is not defined.

    Raises ConnectionInvalidError if it cannot be read, and TemporaryError if Airflow's database does not answer.
    """
    try:
        return BaseHook.get_connection(conn_id)
    except AirflowNotFoundException:
        # Airflow raises the same error for a variable that it cannot read. Its message may hold secrets.
        variable = f"AIRFLOW_CONN_{conn_id.upper()}"
        if os.environ.get(variable):
            raise ConnectionInvalidError(
                f"connection {conn_id}: {variable} is set, and Airflow cannot read it; write JSON such as "
                '{"conn_type": "generic", "host": "https://proxy.example"} or a URL'
            ) from None
        check_airflow_database()
        _check_local_stack(conn_id)
        return None


def _check_local_stack(missing_id: str) -> None:
    """Raise LocalStackNotReadyError if the local stack has not stored its connections yet.

    Without those of its simulated exchanges, requests would go to the real ones.
    """
    if not local_stack_command():
        return
    if missing_id == REDIS_CONNECTION:
        raise LocalStackNotReadyError(
            "the local stack is still starting, and its connections are not stored yet: wait until it says that "
            "Airflow is ready"
        )
    # It stores all of them at once.
    _find(REDIS_CONNECTION)


def _required(variable: str, conn_id: str) -> str:
    value = os.environ.get(variable)
    if not value:
        raise ConnectionMissingError(f"neither the Airflow connection {conn_id} nor the variable {variable} is defined")
    return value


def _port(variable: str, default: int) -> int:
    text = os.environ.get(variable) or str(default)
    if not text.isdigit():
        raise ConnectionInvalidError(f"{variable} is {text!r}; expected a port number")
    return int(text)
