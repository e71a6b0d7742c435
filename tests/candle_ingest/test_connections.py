import json

import pytest

from candle_ingest.connections import connect_influxdb, connect_influxdb_to_read, connect_redis, exchange_connection
from candle_ingest.errors import ConfigurationError, TemporaryError

INFLUXDB = {"INFLUXDB_URL": "http://influx.example:8086", "INFLUXDB_TOKEN": "a-token", "INFLUXDB_ORG": "desk"}


@pytest.fixture
def environment(monkeypatch):
    def set_all(**variables):
        for name, value in variables.items():
            monkeypatch.setenv(name, value if isinstance(value, str) else json.dumps(value))

    return set_all


def redis_kwargs():
    found = connect_redis().connection_pool.connection_kwargs
    return found["host"], found["port"], found.get("password")


def test_redis_from_variables(environment):
    environment(REDIS_HOST="redis.example", REDIS_PORT="6390", REDIS_PASSWORD="a-password")
    assert redis_kwargs() == ("redis.example", 6390, "a-password")


def test_redis_needs_no_port_and_no_password(environment):
    environment(REDIS_HOST="redis.example", REDIS_PASSWORD="")
    assert redis_kwargs() == ("redis.example", 6379, None)


def test_the_redis_connection_takes_precedence_over_the_variables(environment):
    environment(
        AIRFLOW_CONN_REDIS_DEFAULT={"conn_type": "redis", "host": "other.example", "port": 6391, "password": "another"},
        REDIS_HOST="redis.example",
    )
    assert redis_kwargs() == ("other.example", 6391, "another")


@pytest.mark.parametrize(
    "variables",
    [{"REDIS_HOST": "r.example"}, {"AIRFLOW_CONN_REDIS_DEFAULT": {"conn_type": "redis", "host": "r.example"}}],
)
def test_a_redis_that_does_not_answer_does_not_block_a_task_forever(environment, variables):
    environment(**variables)
    found = connect_redis().connection_pool.connection_kwargs
    assert 0 < found["socket_timeout"] <= 60
    assert 0 < found["socket_connect_timeout"] <= 60


def test_without_redis_the_error_names_the_connection_and_the_variable():
    with pytest.raises(ConfigurationError, match="redis_default nor the variable REDIS_HOST"):
        connect_redis()


def test_a_local_stack_without_connections_is_still_starting(environment):
    environment(LOCAL_STACK_COMMAND="make run")
    for connect in (connect_redis, connect_influxdb, lambda: exchange_connection("kraken")):
        with pytest.raises(TemporaryError, match=r"still starting.*local-stack-not-ready"):
            connect()


def test_an_exchange_of_a_started_local_stack_needs_no_connection(environment):
    environment(LOCAL_STACK_COMMAND="make run MARKET=live", AIRFLOW_CONN_REDIS_DEFAULT={"conn_type": "redis"})
    assert exchange_connection("kraken").base_url is None


def test_a_port_that_is_no_number_is_named(environment):
    environment(REDIS_HOST="redis.example", REDIS_PORT="tcp")
    with pytest.raises(ConfigurationError, match="REDIS_PORT is 'tcp'"):
        connect_redis()


def influxdb(connect=connect_influxdb):
    with connect() as client:
        return client.url, client.token, client.org


def test_influxdb_from_variables(environment):
    environment(**INFLUXDB)
    assert influxdb() == tuple(INFLUXDB.values())


def test_the_influxdb_connection_takes_precedence_over_the_variables(environment):
    connection = {"conn_type": "influxdb", "host": "other.example", "port": 8087, "schema": "https"}
    environment(AIRFLOW_CONN_INFLUXDB_DEFAULT={**connection, "extra": {"token": "another", "org": "lab"}}, **INFLUXDB)
    assert influxdb() == ("https://other.example:8087", "another", "lab")


def test_the_page_uses_the_read_only_connection_if_there_is_one(environment):
    environment(**INFLUXDB)
    assert influxdb(connect_influxdb_to_read) == tuple(INFLUXDB.values())
    connection = {"conn_type": "influxdb", "host": "influx.example", "port": 8086, "schema": "http"}
    environment(AIRFLOW_CONN_INFLUXDB_READ={**connection, "extra": {"token": "read-only", "org": "desk"}})
    assert influxdb(connect_influxdb_to_read) == ("http://influx.example:8086", "read-only", "desk")
    assert influxdb() == tuple(INFLUXDB.values())


@pytest.mark.parametrize("missing", INFLUXDB)
def test_without_influxdb_the_error_names_the_connection_and_the_variable(environment, missing):
    environment(**{name: value for name, value in INFLUXDB.items() if name != missing})
    with pytest.raises(ConfigurationError, match=f"influxdb_default nor the variable {missing}"):
        connect_influxdb()


def exchange(environment, **connection):
    environment(AIRFLOW_CONN_CCXT_KRAKEN={"conn_type": "generic", **connection})
    return exchange_connection("kraken")


def test_without_a_connection_an_exchange_is_reached_at_its_own_address():
    found = exchange_connection("kraken")
    assert (found.exchange, found.base_url, found.config) == ("kraken", None, {})


@pytest.mark.parametrize(
    ("connection", "base_url"),
    [
        ({"host": "http://127.0.0.1:8080"}, "http://127.0.0.1:8080"),
        ({"host": "https://proxy.example/kraken/"}, "https://proxy.example/kraken"),
        ({"host": "proxy.example"}, "https://proxy.example"),
        ({"host": "proxy.example", "schema": "http", "port": 8080}, "http://proxy.example:8080"),
        ({"login": "k"}, None),
    ],
)
def test_the_host_is_a_base_url_in_one_piece_or_as_airflow_splits_it(environment, connection, base_url):
    assert exchange(environment, **connection).base_url == base_url


@pytest.mark.parametrize("url", ["http://127.0.0.1:8080", "https://proxy.example:444", "http://proxy.example/kraken"])
def test_a_connection_written_as_a_url_is_that_base_url(environment, url):
    environment(AIRFLOW_CONN_CCXT_KRAKEN=url)
    assert exchange_connection("kraken").base_url == url


def test_login_and_password_are_key_and_secret_and_the_extra_goes_to_ccxt(environment):
    found = exchange(environment, login="the-key", password="the-secret", extra={"httpProxy": "http://proxy.example"})
    assert found.config == {"apiKey": "the-key", "secret": "the-secret", "httpProxy": "http://proxy.example"}


def test_another_scheme_is_refused_with_an_example(environment):
    with pytest.raises(ConfigurationError, match=r"connection ccxt_kraken: host is 'ftp://.*https://proxy.example"):
        exchange(environment, host="ftp://proxy.example")


def test_secrets_are_not_in_what_a_log_would_show(environment):
    found = exchange(
        environment, login="the-key", password="the-secret", extra={"httpProxy": "http://u:hidden@p.example"}
    )
    assert not [word for word in ("the-key", "the-secret", "hidden") if word in f"{found} {found!r}"]


@pytest.mark.parametrize(
    "text", ["{ not json", "http://[::1", "generic://h:notaport/x", '{"conn_type": "generic", "nonsense": 1}']
)
def test_a_connection_that_airflow_cannot_read_is_an_error_that_names_it(monkeypatch, text):
    monkeypatch.setenv("AIRFLOW_CONN_CCXT_KRAKEN", text)
    said = "AIRFLOW_CONN_CCXT_KRAKEN is set, and Airflow cannot read it"
    with pytest.raises(ConfigurationError, match=said) as error:
        exchange_connection("kraken")
    assert text not in str(error.value)


@pytest.mark.parametrize("extra", ['{"httpsProxy": "http://x"', "[1, 2]", "5"])
def test_an_extra_that_is_no_json_object_is_an_error_that_names_the_connection(monkeypatch, extra):
    monkeypatch.setenv("AIRFLOW_CONN_CCXT_KRAKEN", json.dumps({"conn_type": "generic", "extra": extra}))
    with pytest.raises(ConfigurationError, match="connection ccxt_kraken: extra is not a JSON object"):
        exchange_connection("kraken")
