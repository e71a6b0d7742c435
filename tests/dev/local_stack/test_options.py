import pytest

from dev.local_stack.errors import LocalStackError
from dev.local_stack.options import StackOptions


def test_defaults():
    options = StackOptions.from_environment({})
    assert options.is_simulated
    assert options.bucket == "candles_simulated"
    assert options.backfill == "7_days_ago"
    assert options.symbols == ("btcusd", "ethusd", "solusd")
    assert not options.symbols_given
    assert options.exchanges == ("binance", "coinbaseexchange", "kraken")
    assert not options.once
    assert options.executor == "local"
    assert options.redis is None
    assert options.influxdb is None


def test_everything_given():
    options = StackOptions.from_environment(
        {
            "MARKET": "live",
            "SYMBOLS": "btcusd, ethusd",
            "EXCHANGES": "kraken",
            "BACKFILL": "skip",
            "ONCE": "1",
            "AIRFLOW_PORT": "8090",
            "REDIS_HOST": "redis.example",
            "REDIS_PASSWORD": "hidden",
            "INFLUXDB_URL": "https://influx.example/",
            "INFLUXDB_TOKEN": "hidden",
            "INFLUXDB_ORG": "org",
            "EXECUTOR": "celery",
            "AIRFLOW_DATABASE_URL": "postgresql://airflow:hidden@db.example/airflow",
        }
    )
    assert options.bucket == "candles"
    assert options.symbols == ("btcusd", "ethusd")
    assert options.symbols_given
    assert options.once
    assert options.requested_ports == {"airflow": 8090}
    assert (options.redis.host, options.redis.port) == ("redis.example", 6379)
    assert options.influxdb.url == "https://influx.example"
    assert options.executor == "celery"
    assert options.database_url == "postgresql+psycopg2://airflow:hidden@db.example/airflow"
    assert "hidden" not in repr(options)


@pytest.mark.parametrize(
    ("variable", "value", "message"),
    [
        ("MARKET", "real", "MARKET is 'real'; allowed is simulated or live"),
        ("EXECUTOR", "kubernetes", "EXECUTOR is 'kubernetes'; allowed is local or celery"),
        ("BACKFILL", "2_dogs_ago", "BACKFILL is '2_dogs_ago'; allowed is YYYY-MM-DD, N_days_ago"),
        ("BACKFILL", "2099-12-31", "BACKFILL is '2099-12-31', which is in the future"),
        ("SYMBOLS", "btcusd,btcsud", "SYMBOLS: 'btcsud' is not a symbol"),
        ("SYMBOLS", "btcusdd", "SYMBOLS: 'btcusdd' is not a symbol: .*; did you mean .*btcusd.*[?]"),
        ("SYMBOLS", "", "SYMBOLS is empty; write a list such as btcusd,ethusd,solusd"),
        ("EXCHANGES", ", ", "EXCHANGES is empty; write a list such as binance,coinbaseexchange,kraken"),
        ("MARKET", "", "MARKET is ''; allowed is simulated or live"),
        ("EXECUTOR", "", "EXECUTOR is ''; allowed is local or celery"),
        ("BACKFILL", "", "BACKFILL is ''; allowed is YYYY-MM-DD, N_days_ago"),
        ("ONCE", "maybe", "ONCE is 'maybe'; allowed is 1 or 0"),
        ("ONCE", "yes", "ONCE is 'yes'; allowed is 1 or 0"),
        ("AIRFLOW_PORT", "70000", "AIRFLOW_PORT is '70000'"),
        ("INFLUXDB_URL", "http://x", "set INFLUXDB_TOKEN and INFLUXDB_ORG too"),
    ],
)
def test_a_bad_value_is_named(variable, value, message):
    with pytest.raises(LocalStackError, match=message):
        StackOptions.from_environment({variable: value})


def test_a_database_that_is_not_postgresql_is_refused_without_its_password():
    database = {"AIRFLOW_DATABASE_URL": "mysql://user:hidden@db.example/airflow"}
    with pytest.raises(LocalStackError, match="expected postgresql://user") as caught:
        StackOptions.from_environment(database)
    assert "hidden" not in str(caught.value)


def test_the_command_starts_the_same_stack_again_and_holds_no_secret(tmp_path):
    given = {"BACKFILL": "2_days_ago", "EXCHANGES": "kraken,okx", "LOCAL_STACK_FOLDER": str(tmp_path / "a b")}
    command = StackOptions.from_environment({**given, "REDIS_HOST": "x", "REDIS_PASSWORD": "hidden"}).command
    assert command == f"make run BACKFILL=2_days_ago EXCHANGES=kraken,okx LOCAL_STACK_FOLDER='{tmp_path}/a b'"
    assert StackOptions.from_environment({}).command == "make run"
