import re

import pytest

from candle_ingest.errors import ConfigurationError
from candle_ingest.settings import PipelineSettings
from candle_ingest.validated_settings import with_params


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


def test_a_pipeline_names_its_three_dags(load):
    settings = load({"minute": {}})["minute"]
    names = (settings.backfill_dag_id, settings.catch_up_dag_id, settings.repair_dag_id)
    assert names == ("minute_backfill", "minute_catch_up", "minute_repair")


def test_the_bucket_comes_from_the_variable_of_the_influxdb_client_unless_it_is_set(load, monkeypatch):
    monkeypatch.setenv("INFLUXDB_BUCKET", "market")
    pipelines = load({"candle": {}, "own": {"influxdb_bucket": "own"}})
    assert [settings.influxdb_bucket for settings in pipelines.values()] == ["market", "own"]


def test_a_date_needs_no_quotes(load):
    assert load("pipelines: {candle: {backfill_start_date: 2024-02-29}}")["candle"].backfill_start_date == "2024-02-29"


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
        ("candle_granularity_minutes", 7, "allowed are 1, 3, 5, 15"),
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
def test_a_bad_value_is_an_error_that_names_file_key_value_and_what_is_allowed(load, key, value, allowed):
    with pytest.raises(
        ConfigurationError, match=rf"candle_ingest.yaml: pipeline candle: {key} is .*{allowed}"
    ) as caught:
        load({"candle": {key: value}})
    assert repr(value) in str(caught.value)


def test_all_bad_values_are_reported_at_once(load):
    with pytest.raises(ConfigurationError) as caught:
        load({"candle": {"high_low": "median", "run_mode": "damp"}})
    assert [line.split(": ")[2].split()[0] for line in str(caught.value).splitlines()] == ["high_low", "run_mode"]


def test_settings_cannot_be_changed(load):
    settings = load({"candle": {}})["candle"]
    with pytest.raises(ValueError, match="frozen"):
        settings.run_mode = "dry"


def test_params_override_the_settings_of_a_run_and_change_no_others():
    settings = PipelineSettings(name="candle", dry_run_limit=3)
    changed = with_params(settings, {"exchanges": ["kraken"], "run_mode": "dry", "symbols": ["btcusd"], "start": None})
    assert changed == settings.model_copy(update={"exchanges": ("kraken",), "run_mode": "dry"})


def test_more_exchanges_required_than_a_run_has_is_a_configuration_error():
    with pytest.raises(ConfigurationError, match="min_exchanges_required is 2: only 1 exchange is configured"):
        with_params(PipelineSettings(name="candle", min_exchanges_required=2), {"exchanges": ["kraken"]})


def wrong_values():
    """Return, for each setting, a value of another type and, for numbers, one just below and above the range."""
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


def test_an_unverified_exchange_has_to_be_allowed(load):
    with pytest.raises(ConfigurationError, match="exchanges has gemini, which is not among binance"):
        load({"candle": {"exchanges": ["binance", "gemini"]}})
    found = load({"candle": {"exchanges": ["binance", "gemini"], "allow_unverified_exchanges": ["gemini"]}})
    assert found["candle"].exchange_ids == ("binance", "gemini")


@pytest.mark.parametrize("names", [["coinbase", "coinbaseexchange"], ["gdax", "coinbase"], ["okx", "myokx"]])
def test_two_exchanges_with_one_order_book_are_refused(load, names):
    with pytest.raises(ConfigurationError, match="have one order book, which would count twice"):
        load({"candle": {"exchanges": names}})
