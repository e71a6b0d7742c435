import re

import pytest
import yaml

from candle_ingest.errors import ConfigurationError
from candle_ingest.settings import DEFAULT_CONFIG, PipelineSettings, load_pipelines, with_params


@pytest.fixture
def load(tmp_path):
    """Load pipelines from a text, or from a mapping of names to settings."""

    def load(pipelines, **environment):
        path = tmp_path / "candle_ingest.yaml"
        path.write_text(pipelines if isinstance(pipelines, str) else yaml.safe_dump({"pipelines": pipelines}))
        return load_pipelines(path, environment)

    return load


def test_the_defaults_are_those_of_the_design(load):
    settings = load("pipelines: {candle: }")["candle"]
    assert settings.model_dump(
        include={
            "exchanges", "min_exchanges_required", "candle_granularity_minutes", "backfill_start_date",
            "catch_up_schedule", "quote_equivalents", "high_low", "run_mode", "api_call_delay_seconds",
            "catch_up_initial_days", "redis_key_crypto_symbols",
        }
    ) == {
        "exchanges": ("binance", "coinbaseexchange", "kraken"),
        "min_exchanges_required": 0,
        "candle_granularity_minutes": 1,
        "backfill_start_date": "1_year_ago",
        "catch_up_schedule": "*/5 * * * *",
        "quote_equivalents": {"USD": ("USD", "USDT", "USDC")},
        "high_low": "weighted",
        "run_mode": "wet",
        "api_call_delay_seconds": 0.0,
        "catch_up_initial_days": 7,
        "redis_key_crypto_symbols": "top_cryptocurrencies",
    }  # fmt: skip


def test_the_file_in_the_repository_holds_the_pipeline_candle():
    assert list(load_pipelines(DEFAULT_CONFIG, {})) == ["candle"]


def test_a_pipeline_names_its_two_dags(load):
    settings = load({"minute": {}})["minute"]
    assert (settings.backfill_dag_id, settings.catch_up_dag_id) == ("minute_backfill", "minute_catch_up")


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("exchanges", "binance, kraken", ("binance", "kraken")),
        ("min_exchanges_required", "2", 2),
        ("candle_granularity_minutes", "60", 60),
        ("backfill_start_date", "2024-01-01", "2024-01-01"),
        ("backfill_interval", "@weekly", "@weekly"),
        ("catch_up_schedule", "*/10 * * * *", "*/10 * * * *"),
        ("quote_equivalents", '{"EUR": ["EUR", "USDT"]}', {"EUR": ("EUR", "USDT")}),
        ("high_low", "extremes", "extremes"),
        ("run_mode", "dry", "dry"),
        ("dry_run_limit", "5", 5),
        ("api_call_delay_seconds", "0.5", 0.5),
        ("catch_up_initial_days", "3", 3),
        ("redis_key_crypto_symbols", "other", "other"),
        ("influxdb_bucket", "other", "other"),
        ("verbosity", "DEBUG", "DEBUG"),
    ],
)
def test_every_setting_of_the_design_comes_from_the_environment_too(load, key, value, expected):
    settings = load({"candle": {}}, **{f"CANDLE_INGEST_{key.upper()}": value})["candle"]
    assert getattr(settings, key) == expected


def test_the_environment_goes_before_the_file_and_is_for_the_default_pipeline_only(load):
    pipelines = load({"candle": {"dry_run_limit": 3}, "other": {"dry_run_limit": 4}}, CANDLE_INGEST_DRY_RUN_LIMIT="9")
    assert {name: settings.dry_run_limit for name, settings in pipelines.items()} == {"candle": 9, "other": 4}


def test_another_file_by_variable(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text("pipelines: {mine: {}}")
    assert list(load_pipelines(environment={"CANDLE_INGEST_CONFIG": str(path)})) == ["mine"]


def test_the_bucket_comes_from_the_variable_of_the_influxdb_client_unless_it_is_set(load, monkeypatch):
    monkeypatch.setenv("INFLUXDB_BUCKET", "market")
    pipelines = load({"candle": {}, "own": {"influxdb_bucket": "own"}})
    assert [settings.influxdb_bucket for settings in pipelines.values()] == ["market", "own"]


def test_a_date_may_stand_without_quotes(load):
    assert load("pipelines: {candle: {backfill_start_date: 2024-02-29}}")["candle"].backfill_start_date == "2024-02-29"


def test_pipelines_may_share_settings_by_yaml_anchors(load):
    text = "pipelines:\n  a: &a {dry_run_limit: 3, influxdb_bucket: x}\n  b: {<<: *a, influxdb_bucket: y}\n"
    assert {n: (s.dry_run_limit, s.influxdb_bucket) for n, s in load(text).items()} == {"a": (3, "x"), "b": (3, "y")}


@pytest.mark.parametrize("start", ["2024-01-01", "3_days_ago", "2_weeks_ago", "1_month_ago", "5_years_ago", "skip"])
def test_every_form_of_the_start_date_is_a_setting(load, start):
    assert load({"candle": {"backfill_start_date": start}})["candle"].backfill_start_date == start


@pytest.mark.parametrize("interval", ["@hourly", "@daily", "@weekly", "@monthly", "0 */6 * * *"])
def test_every_form_of_the_interval_is_a_setting(load, interval):
    assert load({"candle": {"backfill_interval": interval}})["candle"].backfill_interval == interval


@pytest.mark.parametrize(
    ("key", "value", "allowed"),
    [
        ("exchanges", [], "at least 1"),
        ("exchanges", ["binance", "binance"], "more than once"),
        ("exchanges", ["coinbasepro", "coinbaseexchange"], "more than once"),
        ("min_exchanges_required", -1, "greater than or equal to 0"),
        ("min_exchanges_required", 4, r"only 3 exchanges are configured \(binance, coinbaseexchange, kraken\)"),
        ("candle_granularity_minutes", 7, "possible are 1, 3, 5, 15"),
        ("candle_granularity_minutes", "an hour", "valid integer"),
        ("backfill_start_date", "yesterday", "YYYY-MM-DD, N_days_ago"),
        ("backfill_start_date", "2024-02-30", "YYYY-MM-DD, N_days_ago"),
        ("backfill_start_date", "9999_years_ago", "YYYY-MM-DD, N_days_ago"),
        ("backfill_interval", "@fortnightly", "@hourly, @daily"),
        ("backfill_interval", "0 0 31 2 *", "@hourly, @daily"),
        ("catch_up_schedule", "every 5 minutes", "a cron line such as"),
        ("quote_equivalents", "USD=USDT", "not JSON such as"),
        ("quote_equivalents", ["USD"], "valid dictionary"),
        ("high_low", "median", "'weighted' or 'extremes'"),
        ("run_mode", "damp", "'wet' or 'dry'"),
        ("dry_run_limit", 0, "greater than or equal to 1"),
        ("api_call_delay_seconds", -0.1, "greater than or equal to 0"),
        ("api_call_delay_seconds", float("nan"), "less than or equal to 60"),
        ("catch_up_initial_days", 0, "greater than or equal to 1"),
        ("redis_key_crypto_symbols", "", "at least 1 character"),
        ("influxdb_bucket", "", "at least 1 character"),
        ("verbosity", "LOUD", "'DEBUG', 'INFO', 'WARNING' or 'ERROR'"),
    ],
)
def test_a_bad_value_is_an_error_that_names_file_pipeline_key_value_and_what_is_allowed(load, key, value, allowed):
    with pytest.raises(
        ConfigurationError, match=rf"candle_ingest.yaml: pipeline candle: {key} is .*{allowed}"
    ) as caught:
        load({"candle": {key: value}})
    assert repr(value) in str(caught.value)


def test_all_bad_values_are_named_at_once(load):
    with pytest.raises(ConfigurationError) as caught:
        load({"candle": {"high_low": "median", "run_mode": "damp"}})
    assert [line.split(": ")[2].split()[0] for line in str(caught.value).splitlines()] == ["high_low", "run_mode"]


@pytest.mark.parametrize(
    ("settings", "environment"),
    [({"exchange": "kraken"}, {}), ({}, {"CANDLE_INGEST_EXCHANGE": "kraken"})],
)
def test_an_unknown_key_is_an_error_that_names_it_and_the_known_ones(load, settings, environment):
    with pytest.raises(
        ConfigurationError, match=r"unknown setting exchange .*CANDLE_INGEST_EXCHANGE.* allowed are exchanges"
    ):
        load({"candle": settings}, **environment)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "expected one key `pipelines`"),
        ("[]", "expected one key `pipelines`"),
        ("pipelines: {}", "expected one key `pipelines`"),
        ("pipelines: {candle: {}}\nmore: 1", "expected one key `pipelines`"),
        ("pipelines: {candle: [1]}", "pipeline candle: expected settings"),
        ("pipelines: {candle: {name: x}}", "`name` is the key above"),
        ("pipelines: {candle: {1: 2}}", "pipeline candle: 1 is"),
        ("pipelines: {Bad Name: {}}", "name is 'Bad Name'"),
        ("pipelines: [", "not valid YAML"),
        ("pipelines: {candle: {}, candle: {}}", "candle stands twice"),
        ("pipelines: {candle: {pool: a, pool: b}}", "pool stands twice"),
    ],
)
def test_a_file_of_another_shape_is_an_error_that_says_what_is_expected(load, text, expected):
    with pytest.raises(ConfigurationError, match=rf"candle_ingest.yaml: .*{expected}"):
        load(text)


def test_a_missing_file_is_an_error_that_says_which_variable_names_it(tmp_path):
    with pytest.raises(ConfigurationError, match=r"none.yaml: cannot be read .*CANDLE_INGEST_CONFIG"):
        load_pipelines(tmp_path / "none.yaml", {})


def test_two_granularities_may_not_share_a_bucket(load):
    with pytest.raises(ConfigurationError, match=r"a \(1 minutes\) and b \(60 minutes\) share the bucket candles"):
        load({"a": {}, "b": {"candle_granularity_minutes": 60}})


def test_two_granularities_live_in_buckets_of_their_own(load):
    assert len(load({"a": {}, "b": {"candle_granularity_minutes": 60, "influxdb_bucket": "hours"}})) == 2


def test_settings_cannot_be_changed(load):
    settings = load({"candle": {}})["candle"]
    with pytest.raises(ValueError, match="frozen"):
        settings.run_mode = "dry"


def test_params_of_a_run_go_before_the_settings_and_leave_the_others():
    settings = PipelineSettings(name="candle", dry_run_limit=3)
    changed = with_params(settings, {"exchanges": ["kraken"], "run_mode": "dry", "symbols": ["btcusd"], "start": None})
    assert changed == settings.model_copy(update={"exchanges": ("kraken",), "run_mode": "dry"})


def test_more_exchanges_required_than_a_run_asks_for_is_a_configuration_error():
    with pytest.raises(ConfigurationError, match="min_exchanges_required is 2: only 1 exchanges are configured"):
        with_params(PipelineSettings(name="candle", min_exchanges_required=2), {"exchanges": ["kraken"]})


def wrong_values():
    """For each setting a value of another type, and for each number one below and one above what is allowed."""
    for name, field in PipelineSettings.model_fields.items():
        if name == "name":
            continue
        yield name, {"an": "object"} if name != "quote_equivalents" else 1
        yield name, None
        for rule in field.metadata:
            for limit, beyond in (("ge", -1), ("le", 1)):
                if (value := getattr(rule, limit, None)) is not None:
                    yield name, value + beyond


@pytest.mark.parametrize(("key", "value"), list(wrong_values()))
def test_each_setting_refuses_another_type_and_what_is_out_of_range(load, key, value):
    with pytest.raises(ConfigurationError) as caught:
        load({"candle": {key: value}})
    assert re.fullmatch(
        rf".*candle_ingest\.yaml: pipeline candle: {key} is {re.escape(repr(value))}: .+", str(caught.value)
    )
