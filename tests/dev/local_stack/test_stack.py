import json

import pytest

from dev.local_stack import stack
from dev.local_stack.celery_workers import WORKERS
from dev.local_stack.errors import LocalStackError
from dev.local_stack.influxdb_server import InfluxdbServer
from dev.local_stack.options import StackOptions
from dev.local_stack.ports import release
from dev.local_stack.postgres_programs import find_postgres, major_version
from dev.local_stack.redis_server import RedisServer
from dev.local_stack.stack import plan_stack


@pytest.fixture
def plan(tmp_path, monkeypatch):
    monkeypatch.setattr(stack, "find_influxd", lambda say, progress: tmp_path / "influxd")

    def make(**options):
        (tmp_path / options.get("market", "simulated")).mkdir(exist_ok=True)
        return plan_stack(StackOptions(folder=tmp_path, **options), lambda text: None, lambda text: None)

    yield make
    release()


def connections(planned):
    return {connection["connection_id"]: connection for connection in planned.settings.connections}


def test_the_simulated_market_has_its_own_bucket_and_exchanges(plan, monkeypatch):
    monkeypatch.setenv("AIRFLOW_CONN_CCXT_KRAKEN", "generic://real")
    planned = plan()
    environment = planned.airflow.environment
    # The second is for pipelines that name no bucket.
    assert environment["CANDLE_INGEST_INFLUXDB_BUCKET"] == environment["INFLUXDB_BUCKET"] == "candles_simulated"
    assert connections(planned)["ccxt_kraken"]["host"] == f"{planned.simulator_url}/kraken"
    assert "AIRFLOW_CONN_CCXT_KRAKEN" not in environment
    assert [command.name for command in planned.servers] == ["redis", "influxdb", "simulator"]


def test_the_live_market_takes_the_users_exchange_connections(plan, monkeypatch):
    monkeypatch.setenv("AIRFLOW_CONN_CCXT_KRAKEN", "generic://key:secret@")
    monkeypatch.setenv("AIRFLOW_CONN_REDIS_DEFAULT", "redis://elsewhere")
    monkeypatch.setenv("AIRFLOW__CORE__EXECUTOR", "CeleryExecutor")
    planned = plan(market="live", exchanges=("kraken",))
    environment = planned.airflow.environment
    assert environment["CANDLE_INGEST_INFLUXDB_BUCKET"] == "candles"
    assert environment["AIRFLOW_CONN_CCXT_KRAKEN"] == "generic://key:secret@"
    assert "AIRFLOW_CONN_REDIS_DEFAULT" not in environment
    assert environment["AIRFLOW__CORE__EXECUTOR"] == "LocalExecutor"
    assert set(connections(planned)) == {"redis_default", "influxdb_default", "influxdb_read"}
    assert planned.simulator_url is None


def test_an_exchange_that_is_not_simulated_is_refused(plan):
    with pytest.raises(LocalStackError, match=r"the simulator has no gemini; it has binance, .*, gate\."):
        plan(exchanges=("kraken", "gemini"))


def test_old_exchange_names_are_simulated_too(plan):
    assert plan(exchanges=("coinbasepro", "huobi")).simulator_url


def test_servers_of_the_user_are_not_started(plan):
    redis = RedisServer(host="redis.example", port=6380, password="theirs")
    influxdb = InfluxdbServer(url="https://influx.example", token="theirs", org="their org")
    planned = plan(redis=redis, influxdb=influxdb)
    assert [command.name for command in planned.servers] == ["simulator"]
    known = connections(planned)
    assert (known["redis_default"]["host"], known["redis_default"]["port"]) == ("redis.example", 6380)
    for influx in (known["influxdb_default"], known["influxdb_read"]):
        assert (influx["host"], influx["port"], influx["schema"]) == ("influx.example", 443, "https")
        assert json.loads(influx["extra"]) == {"token": "theirs", "org": "their org"}


@pytest.mark.parametrize("executor", ["local", "celery"])
def test_no_secret_is_an_argument(plan, executor):
    planned = plan(executor=executor)
    arguments = " ".join(word for command in planned.commands() for word in command.argv)
    for secret in vars(planned.secrets).values():
        assert secret not in arguments


def test_everything_listens_on_this_machine_only(plan):
    planned = plan(executor="celery")
    for name in ("redis", "broker"):
        assert "bind 127.0.0.1\n" in (planned.folder / name / "redis.conf").read_text()
    for command in planned.commands():
        if command.name in ("influxdb", "simulator", "api-server"):
            assert "127.0.0.1" in " ".join(command.argv)
        if command.name.startswith("worker"):
            assert "--skip-serve-logs" in command.argv


def test_celery_has_a_broker_and_two_workers_of_its_own(plan):
    planned = plan(executor="celery", redis=RedisServer(host="redis.example", port=6379, password=None))
    environment = planned.airflow.environment
    assert environment["AIRFLOW__CORE__EXECUTOR"] == "CeleryExecutor"
    assert environment["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"] == planned.postgres.url
    assert "@127.0.0.1:" in environment["AIRFLOW__CELERY__BROKER_URL"]
    names = [command.name for command in planned.commands()]
    assert names == ["influxdb", "simulator", "broker", "scheduler", "dag-processor", "api-server", *WORKERS]


def test_only_celery_workers_load_plugins_before_they_fork(plan):
    lazy = "AIRFLOW__CORE__LAZY_LOAD_PLUGINS"
    found = {command.name: command.environment.get(lazy) for command in plan(executor="celery").airflow.commands()}
    assert found == {"scheduler": None, "dag-processor": None, "api-server": None, **dict.fromkeys(WORKERS, "False")}


def test_a_database_of_the_user_is_not_started(plan, monkeypatch):
    url = "postgresql+psycopg2://airflow@db.example/airflow"
    planned = plan(database_url=url)
    assert planned.postgres is None
    assert planned.airflow.environment["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"] == url


def test_airflows_database_is_the_postgresql_of_the_stack(plan):
    planned = plan()
    assert planned.airflow.environment["AIRFLOW__CORE__EXECUTOR"] == "LocalExecutor"
    assert planned.airflow.environment["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"] == planned.postgres.url
    # Another major version can't read it, and finds no folder.
    assert planned.postgres.folder.name == f"postgres-{major_version(find_postgres())}"
