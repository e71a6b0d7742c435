"""Batches of lines over HTTP; what needs a real InfluxDB is in tests/integration/test_influxdb.py."""

import gzip
import re
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
from influxdb_client import InfluxDBClient

from candle_ingest import store
from candle_ingest.errors import ConfigurationError, PermanentError, TemporaryError
from candle_ingest.store.bucket import BATCH_LINES, InfluxBucket

WRITTEN = 204


class WriteServer(ThreadingHTTPServer):
    """Answers writes with `statuses` in turn, then always with the last one; keeps the lines of each in `batches`."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), WriteHandler)
        self.statuses = [WRITTEN]
        self.batches = []


class WriteHandler(BaseHTTPRequestHandler):
    server: WriteServer

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        text = gzip.decompress(body) if self.headers.get("Content-Encoding") == "gzip" else body
        self.server.batches.append(text.decode().split("\n"))
        statuses = self.server.statuses
        self.send_response(statuses.pop(0) if len(statuses) > 1 else statuses[0])
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args):
        pass


@pytest.fixture
def server():
    with WriteServer() as server:
        Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def client(server):
    with InfluxDBClient(f"http://127.0.0.1:{server.server_port}", "token", org="org") as client:
        yield client


@pytest.fixture
def bucket(client):
    return InfluxBucket(client, "candles")


@pytest.mark.parametrize("count", [0, 1, BATCH_LINES, BATCH_LINES + 1, 2 * BATCH_LINES])
def test_all_lines_are_written_in_order_in_full_batches(bucket, server, count):
    lines = [f"m v={number}i {number}" for number in range(count)]
    bucket.write_lines(line for line in lines)
    assert [line for batch in server.batches for line in batch] == lines
    assert [len(batch) for batch in server.batches[:-1]] == [BATCH_LINES] * (len(server.batches) - 1)


def test_after_a_batch_that_fails_permanently_none_is_written(bucket, server):
    server.statuses = [WRITTEN, 401, WRITTEN]
    with pytest.raises(PermanentError, match="HTTP 401"):
        bucket.write_lines(["m v=1i 1"] * (3 * BATCH_LINES))
    assert len(server.batches) == 2


@pytest.mark.parametrize(
    ("status", "what_to_do"),
    [
        (401, "Check the token in influxdb_default (or influxdb_read, or INFLUXDB_TOKEN), and what it may do"),
        (403, "Check the token in influxdb_default (or influxdb_read, or INFLUXDB_TOKEN), and what it may do"),
        (404, "validate_symbols creates the bucket: unpause the DAGs, or clear that task"),
    ],
)
def test_a_refusal_says_what_to_do(bucket, server, status, what_to_do):
    server.statuses = [status]
    with pytest.raises(ConfigurationError, match=rf"{re.escape(what_to_do)} \[[a-z-]+\]$"):
        bucket.write_lines(["m v=1i 1"])


@pytest.mark.parametrize(("attempts", "told"), [(1, "InfluxDB: InfluxDB, write"), (2, "InfluxDB after 2 tries: ")])
def test_the_message_has_the_number_of_tries_if_there_was_more_than_one(server, client, monkeypatch, attempts, told):
    monkeypatch.setattr(store.bucket, "MAX_WAIT_SECONDS", 0)
    server.statuses = [503]
    with pytest.raises(TemporaryError, match=f"Failed to connect to {told}"):
        InfluxBucket(client, "candles", attempts=attempts).write_lines(["m v=1i 1"])


def test_an_error_in_making_lines_is_raised_after_earlier_batches_are_written(bucket, server):
    def lines():
        yield from ["m v=1i 1"] * BATCH_LINES
        raise ValueError("broken on purpose")

    with pytest.raises(ValueError, match="broken on purpose"):
        bucket.write_lines(lines())
    assert [len(batch) for batch in server.batches] == [BATCH_LINES]
