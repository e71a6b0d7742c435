"""The local stack's tasks may write their buckets and nothing else, the page may only read them."""

from __future__ import annotations

import json

import pytest
from influxdb_client import InfluxDBClient

from candle_ingest.candles.window import Window
from candle_ingest.errors.servers import BucketMissingError, InfluxRefusedError
from candle_ingest.servers.connection_names import INFLUXDB_CONNECTION, INFLUXDB_READ_CONNECTION
from candle_ingest.store.bucket import InfluxBucket
from dev.local_stack.influxdb_tokens import with_narrow_tokens
from dev.local_stack.settings_file import AirflowSettings

pytestmark = pytest.mark.integration
COUNT = 'from(bucket: bucket) |> range(start: 0) |> filter(fn: (r) => r._measurement == "m") |> count()'


def narrow(server, *buckets):
    """The connections of the local stack, by name: address and extra."""
    extra = json.dumps({"token": server.token, "org": server.org})
    known = tuple({"connection_id": name, "extra": extra} for name in (INFLUXDB_CONNECTION, INFLUXDB_READ_CONNECTION))
    settings = with_narrow_tokens(AirflowSettings(connections=known, pools=(), variables=()), server, buckets)
    return {connection["connection_id"]: connection for connection in settings.connections}


@pytest.fixture
def opened(influxdb_server):
    """`opened(connection, bucket)`: the bucket as the holder of the connection's token sees it."""
    clients = []

    def open_(connection, bucket):
        extra = json.loads(connection["extra"])
        clients.append(InfluxDBClient(influxdb_server.url, extra["token"], org=extra["org"]))
        return InfluxBucket(clients[-1], bucket, attempts=1)

    yield open_
    for client in clients:
        client.close()


@pytest.fixture
def bucket(influxdb_server):
    return influxdb_server.new_bucket()


def test_tasks_write_read_and_delete_in_their_bucket(influxdb_server, opened, bucket):
    tasks = opened(narrow(influxdb_server, bucket)[INFLUXDB_CONNECTION], bucket)
    tasks.create_if_missing()
    tasks.write_lines(["m v=1 1"])
    assert [row["_value"] for row in tasks.query(COUNT)] == ["1"]
    tasks.delete(Window(0, 10), '_measurement="m"')
    assert tasks.query(COUNT) == []


def test_tasks_see_no_other_bucket_and_create_none(influxdb_server, opened, bucket):
    connection = narrow(influxdb_server, bucket)[INFLUXDB_CONNECTION]
    other = influxdb_server.new_bucket()
    with pytest.raises(BucketMissingError):
        opened(connection, other).query(COUNT)
    with pytest.raises(InfluxRefusedError):
        opened(connection, other).write_lines(["m v=1 1"])
    with pytest.raises(BucketMissingError, match="it may not create one"):
        opened(connection, f"{bucket}_new").create_if_missing()


def test_the_page_reads_and_writes_nothing(influxdb_server, opened, bucket):
    connections = narrow(influxdb_server, bucket)
    opened(connections[INFLUXDB_CONNECTION], bucket).write_lines(["m v=1 1"])
    page = opened(connections[INFLUXDB_READ_CONNECTION], bucket)
    assert [row["_value"] for row in page.query(COUNT)] == ["1"]
    with pytest.raises(InfluxRefusedError):
        page.write_lines(["m v=2 2"])
    with pytest.raises(InfluxRefusedError):
        page.delete(Window(0, 10), '_measurement="m"')


def test_the_next_start_replaces_the_tokens(influxdb_server, opened, bucket):
    before = narrow(influxdb_server, bucket)[INFLUXDB_CONNECTION]
    after = narrow(influxdb_server, bucket)[INFLUXDB_CONNECTION]
    opened(after, bucket).write_lines(["m v=1 1"])
    with pytest.raises(InfluxRefusedError):
        opened(before, bucket).query(COUNT)


def test_all_pipelines_of_the_settings_are_served(influxdb_server, opened, bucket):
    names = [bucket, f"{bucket}_second"]
    for connection in narrow(influxdb_server, *names).values():
        for name in names:
            assert opened(connection, name).query(COUNT) == []
