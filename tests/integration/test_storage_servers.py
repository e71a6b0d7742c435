"""The servers that other tests build on work, and keep tests apart."""

from __future__ import annotations

from dataclasses import replace

import pytest
import requests

from include.local_stack.errors import LocalStackError

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
