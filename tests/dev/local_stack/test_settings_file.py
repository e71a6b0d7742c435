import json

import pytest

from dev.local_stack.airflow_processes import REPOSITORY
from dev.local_stack.errors import LocalStackError
from dev.local_stack.settings_file import read_settings

SETTINGS = """
airflow:
  connections:
    - conn_id: redis_default
      conn_type: redis
      conn_host: redis
      conn_port: 6379
      conn_extra: {db: 0}
    - conn_id:
  pools:
    - pool_name: candle_ingest
      pool_slot: 8
      pool_description: Requests
  variables:
    - variable_name: level
      variable_value: 3
"""


@pytest.fixture
def settings(tmp_path):
    path = tmp_path / "airflow_settings.yaml"
    path.write_text(SETTINGS)
    return read_settings(path)


def test_what_astro_reads_is_read(settings):
    (connection,) = settings.connections
    assert connection["connection_id"] == "redis_default"
    assert json.loads(connection["extra"]) == {"db": 0}
    assert settings.pools == ({"name": "candle_ingest", "slots": 8, "description": "Requests"},)
    assert settings.variables == ({"key": "level", "value": "3"},)


def test_a_connection_gets_other_values(settings):
    (connection,) = settings.with_connection("redis_default", host="127.0.0.1", port=1, extra={"ssl": 0}).connections
    assert (connection["host"], connection["port"], connection["conn_type"]) == ("127.0.0.1", 1, "redis")
    assert json.loads(connection["extra"]) == {"db": 0, "ssl": 0}


def test_an_unknown_connection_is_added(settings):
    added = settings.with_connection("ccxt_kraken", conn_type="generic", host="http://x").connections[-1]
    assert added == {
        "connection_id": "ccxt_kraken",
        "conn_type": "generic",
        "host": "http://x",
        "extra": None,
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("airflow: {pools: [{pool_nam: x}]}", "can't use pool_nam"),
        ("other: 1", "no section `airflow`"),
        ("airflow: {", "not valid YAML"),
    ],
)
def test_what_is_wrong_is_named(tmp_path, text, message):
    path = tmp_path / "airflow_settings.yaml"
    path.write_text(text)
    with pytest.raises(LocalStackError, match=message):
        read_settings(path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(LocalStackError, match=r"airflow_settings\.yaml can't be read"):
        read_settings(tmp_path / "airflow_settings.yaml")


def test_the_committed_file_is_readable():
    settings = read_settings(REPOSITORY / "airflow_settings.yaml")
    names = [connection["connection_id"] for connection in settings.connections]
    assert names == ["redis_default", "influxdb_default"]
    assert [pool["name"] for pool in settings.pools] == ["candle_ingest"]
