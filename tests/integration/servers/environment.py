"""What a test gives an Airflow, so that it knows the test's servers."""

from __future__ import annotations

import json
from collections.abc import Iterable
from urllib.parse import urlsplit

from dev.exchange_simulator.markets import EXCHANGES
from dev.exchange_simulator.process import SimulatorProcess
from dev.local_stack.influxdb_server import InfluxdbServer
from dev.local_stack.redis_server import RedisServer


def connection_variables(
    redis: RedisServer,
    influxdb: InfluxdbServer,
    simulator: SimulatorProcess | None = None,
    exchanges: Iterable[str] = EXCHANGES,
) -> dict[str, str]:
    """Return `AIRFLOW_CONN_...` for redis_default, influxdb_default and, with a simulator, every exchange.

    An exchange without limits is asked without pauses.
    """
    address = urlsplit(influxdb.url)
    connections = {
        "REDIS_DEFAULT": {
            "conn_type": "redis",
            "host": redis.host,
            "port": redis.port,
            "password": redis.password,
        },
        "INFLUXDB_DEFAULT": {
            "conn_type": "influxdb",
            "host": address.hostname,
            "port": address.port,
            "schema": address.scheme,
            "extra": {"token": influxdb.token, "org": influxdb.org},
        },
    }
    if simulator:
        pace = {} if simulator.has_limits else {"rateLimit": 1}
        for exchange in exchanges:
            url = simulator.exchange_url(exchange)
            connections[f"CCXT_{exchange.upper()}"] = {"conn_type": "generic", "host": url, "extra": pace}
    return {f"AIRFLOW_CONN_{name}": json.dumps(connection) for name, connection in connections.items()}
