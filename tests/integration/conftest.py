"""Real servers for the integration tests: one of each per test worker, on free ports, always ended."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from include.local_stack.redis_server import RedisServer
from tests.integration.servers.storage import InfluxdbTestServer, running_influxdb, running_redis


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """A real Redis: `.host`, `.port`, `.password`, `.client()`."""
    with running_redis(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture(scope="session")
def influxdb_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[InfluxdbTestServer]:
    """A real InfluxDB 2.x: `.url`, `.token`, `.org`, `.new_bucket()`."""
    with running_influxdb(tmp_path_factory.mktemp("influxdb")) as server:
        yield server
