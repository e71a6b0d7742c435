"""Batches of lines; what needs a server is in tests/integration/test_influxdb.py."""

import re
from unittest.mock import MagicMock

import pytest
from influxdb_client.rest import ApiException

from candle_ingest import store
from candle_ingest.errors import ConfigurationError, PermanentError, TemporaryError
from candle_ingest.store.bucket import BATCH_LINES, InfluxBucket


@pytest.fixture
def write():
    """What the client library's `write` is called with."""
    return MagicMock(return_value=None)


@pytest.fixture
def bucket(write):
    client = MagicMock()
    client.write_api.return_value.write = write
    return InfluxBucket(client, "candles")


def written(write):
    return [call.kwargs["record"].decode().split("\n") for call in write.call_args_list]


@pytest.mark.parametrize("count", [0, 1, BATCH_LINES, BATCH_LINES + 1, 2 * BATCH_LINES])
def test_all_lines_are_written_in_order_in_full_batches(bucket, write, count):
    lines = [f"m v={number}i {number}" for number in range(count)]
    bucket.write_lines(line for line in lines)
    assert [line for batch in written(write) for line in batch] == lines
    assert [len(batch) for batch in written(write)[:-1]] == [BATCH_LINES] * (len(written(write)) - 1)


def test_after_a_batch_that_fails_for_good_none_is_written(bucket, write):
    write.side_effect = [None, ApiException(status=401, reason="no"), None]
    with pytest.raises(PermanentError, match="HTTP 401"):
        bucket.write_lines(["m v=1i 1"] * (3 * BATCH_LINES))
    assert write.call_count == 2


@pytest.mark.parametrize(
    ("status", "what_to_do"),
    [
        (401, "Check the token in influxdb_default (or influxdb_read, or INFLUXDB_TOKEN), and what it may do"),
        (403, "Check the token in influxdb_default (or influxdb_read, or INFLUXDB_TOKEN), and what it may do"),
        (404, "validate_symbols creates the bucket: unpause the DAGs, or clear that task"),
    ],
)
def test_who_is_refused_is_told_what_to_do(bucket, write, status, what_to_do):
    write.side_effect = ApiException(status=status, reason="no")
    with pytest.raises(ConfigurationError, match=rf"{re.escape(what_to_do)} \[[a-z-]+\]$"):
        bucket.write_lines(["m v=1i 1"])


@pytest.mark.parametrize(("attempts", "told"), [(1, "InfluxDB: InfluxDB, write"), (2, "InfluxDB after 2 tries: ")])
def test_the_number_of_tries_is_told_where_there_was_more_than_one(write, monkeypatch, attempts, told):
    monkeypatch.setattr(store.bucket, "LONGEST_WAIT_SECONDS", 0)
    write.side_effect = ApiException(status=503, reason="no")
    client = MagicMock()
    client.write_api.return_value.write = write
    with pytest.raises(TemporaryError, match=f"Failed to connect to {told}"):
        InfluxBucket(client, "candles", attempts=attempts).write_lines(["m v=1i 1"])


def test_an_error_while_lines_are_made_is_raised_after_what_was_made(bucket, write):
    def lines():
        yield from ["m v=1i 1"] * BATCH_LINES
        raise ValueError("broken on purpose")

    with pytest.raises(ValueError, match="broken on purpose"):
        bucket.write_lines(lines())
    assert [len(batch) for batch in written(write)] == [BATCH_LINES]
