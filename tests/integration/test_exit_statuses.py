"""Exit statuses of the commands: 1 says that data is incomplete, 2 that the call is wrong, 3 that a server is away."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from urllib.parse import urlsplit

import pytest

from candle_ingest.__main__ import run_command

pytestmark = pytest.mark.integration
READING = (
    ("status",),
    ("coverage",),
    ("exchanges",),
    ("explain", "BTC/USD", "2026-03-10T12:00Z"),
    ("export", "BTC/USD", "--from", "2026-03-10", "--to", "2026-03-11", "--to-file", "never.parquet"),
)


@pytest.fixture
def call(connections, redis_server, influxdb_server, monkeypatch, capsys, tmp_path):
    """`call(*command)`: the exit status and what was said on the standard error output."""
    redis_server.client().set("top_cryptocurrencies", json.dumps(["btcusd"]))
    monkeypatch.setenv("CANDLE_INGEST_INFLUXDB_BUCKET", influxdb_server.new_bucket())
    monkeypatch.chdir(tmp_path)

    def run(*command: str) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["candle-ingest", *command])
        with pytest.raises(SystemExit) as ended:
            run_command()
        assert not list(tmp_path.glob("*.parquet"))
        return int(ended.value.code or 0), capsys.readouterr().err

    return run


def influxdb_variable(server) -> str:
    address = urlsplit(server.url)
    extra = {"token": server.token, "org": server.org}
    known = {"conn_type": "influxdb", "host": address.hostname, "port": address.port, "schema": "http", "extra": extra}
    return json.dumps(known)


@pytest.mark.parametrize("command", READING, ids=lambda command: command[0])
def test_a_server_without_answer_is_3(call, monkeypatch, influxdb_server, command):
    gone = replace(influxdb_server, url="http://127.0.0.1:9")
    monkeypatch.setenv("AIRFLOW_CONN_INFLUXDB_DEFAULT", influxdb_variable(gone))
    status, said = call(*command)
    assert (status, said.strip().endswith("[influxdb-unreachable]")) == (3, True), said


@pytest.mark.parametrize("command", READING, ids=lambda command: command[0])
def test_a_token_that_is_refused_is_2(call, monkeypatch, influxdb_server, command):
    other = replace(influxdb_server, token="another")
    monkeypatch.setenv("AIRFLOW_CONN_INFLUXDB_DEFAULT", influxdb_variable(other))
    status, said = call(*command)
    assert (status, said.strip().endswith("[influxdb-token-refused]")) == (2, True), said


@pytest.mark.parametrize(
    "command",
    [
        ("status", "--pipeline", "nothing"),
        ("explain", "b@d"),
        ("explain", "BTC/USD", "yesterday"),
        ("coverage", "--from", "soon"),
        ("status", "--unknown"),
        ("nothing",),
    ],
    ids=" ".join,
)
def test_a_wrong_call_is_2(call, command):
    status, said = call(*command)
    assert status == 2
    assert "Traceback" not in said


@pytest.mark.parametrize("command", READING, ids=lambda command: command[0])
def test_data_that_is_not_there_is_1(call, command):
    status, said = call(*command)
    assert status == 1, said
