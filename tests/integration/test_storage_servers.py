"""The servers that other tests build on work, and keep tests apart."""

from __future__ import annotations

from dataclasses import replace

import pytest
import requests

from dev.local_stack.errors import LocalStackError
from dev.local_stack.ports import free_port
from dev.local_stack.postgres_server import PostgresServer, running_postgres

pytestmark = pytest.mark.integration


def test_redis_answers_only_with_its_password(redis_server):
    client = redis_server.client()
    client.set("greeting", "hello")
    assert client.get("greeting") == "hello"
    with pytest.raises(LocalStackError, match="refuses the password"):
        replace(redis_server, password="wrong").is_ready()
    with pytest.raises(LocalStackError, match="refuses the password"):
        replace(redis_server, password=None).is_ready()


def test_influxdb_stores_what_is_written(influxdb_server):
    bucket = influxdb_server.new_bucket()
    headers = {"Authorization": f"Token {influxdb_server.token}"}
    query = {"bucket": bucket, "org": influxdb_server.org}
    write = requests.post(
        f"{influxdb_server.url}/api/v2/write", params=query, data="m v=1 1", headers=headers, timeout=10
    )
    assert write.status_code == 204
    assert bucket != influxdb_server.new_bucket()


def test_postgresql_keeps_its_data_and_explains_another_password(tmp_path):
    log = tmp_path / "postgres.log"
    server = PostgresServer(port=free_port(), password="first", folder=tmp_path / "postgres")
    with running_postgres(server, log):
        assert server.data.exists()
        with pytest.raises(LocalStackError, match="refuses the password"):
            replace(server, password="second").is_ready()
    assert not server.is_ready()
    with running_postgres(replace(server, port=free_port()), log):
        assert not (server.folder / "password").exists()


def test_postgresql_that_can_not_start_points_to_its_log(tmp_path, redis_server):
    log = tmp_path / "postgres.log"
    server = PostgresServer(port=redis_server.port, password="any", folder=tmp_path / "postgres")
    with (
        pytest.raises(LocalStackError, match=r"postgres\.log\) ended before it was ready"),
        running_postgres(server, log),
    ):
        pass
    assert "could not bind" in log.read_text()
