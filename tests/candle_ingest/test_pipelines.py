import pytest

from candle_ingest.errors import ConfigurationError
from candle_ingest.pipelines import DEFAULT_CONFIG, load_pipelines


def test_the_file_in_the_repository_holds_the_pipeline_candle():
    assert list(load_pipelines(DEFAULT_CONFIG, {})) == ["candle"]


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


def test_the_environment_overrides_the_file_for_the_default_pipeline_only(load):
    pipelines = load({"candle": {"dry_run_limit": 3}, "other": {"dry_run_limit": 4}}, CANDLE_INGEST_DRY_RUN_LIMIT="9")
    assert {name: settings.dry_run_limit for name, settings in pipelines.items()} == {"candle": 9, "other": 4}


def test_a_variable_names_another_file(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text("pipelines: {mine: {}}")
    assert list(load_pipelines(environment={"CANDLE_INGEST_CONFIG": str(path)})) == ["mine"]


def test_pipelines_may_share_settings_by_yaml_anchors(load):
    text = "pipelines:\n  a: &a {dry_run_limit: 3, influxdb_bucket: x}\n  b: {<<: *a, influxdb_bucket: y}\n"
    assert {n: (s.dry_run_limit, s.influxdb_bucket) for n, s in load(text).items()} == {"a": (3, "x"), "b": (3, "y")}


@pytest.mark.parametrize(
    ("settings", "environment", "message"),
    [
        ({"exchange": "kraken"}, {}, r"exchange \(or CANDLE_INGEST_EXCHANGE\); did you mean exchanges"),
        ({}, {"CANDLE_INGEST_EXCHANGE": "kraken"}, r"exchange \(or CANDLE_INGEST_EXCHANGE\); did you mean exchanges"),
        ({"x": 1}, {}, r"x \(or CANDLE_INGEST_X\); allowed are exchanges, .*, verbosity"),
    ],
)
def test_an_unknown_key_is_an_error_that_names_near_or_all_known_ones(load, settings, environment, message):
    with pytest.raises(ConfigurationError, match=f"unknown setting {message}"):
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
        ("pipelines: {candle: {}, candle: {}}", "duplicate key candle"),
        ("pipelines: {candle: {pool: a, pool: b}}", "duplicate key pool"),
    ],
)
def test_a_file_of_another_shape_is_an_error_that_says_what_is_expected(load, text, expected):
    with pytest.raises(ConfigurationError, match=rf"candle_ingest.yaml: .*{expected}"):
        load(text)


def test_a_missing_file_is_an_error_that_says_which_variable_names_it(tmp_path):
    with pytest.raises(ConfigurationError, match=r"none.yaml: cannot be read .*CANDLE_INGEST_CONFIG"):
        load_pipelines(tmp_path / "none.yaml", {})


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("candle_granularity_minutes", 60),
        ("exchanges", ["kraken"]),
        ("min_exchanges_required", 2),
        ("quote_equivalents", {}),
        ("high_low", "extremes"),
        ("unobtainable", "merge"),
    ],
)
def test_pipelines_that_make_other_candles_of_a_symbol_may_not_share_a_bucket(load, key, value):
    with pytest.raises(ConfigurationError, match=rf"a and b share the bucket candles, and differ in {key}"):
        load({"a": {}, "b": {key: value}})


def test_pipelines_of_other_symbols_share_a_bucket_of_one_candle_length(load):
    other = {"redis_key_crypto_symbols": "other", "exchanges": ["kraken"]}
    assert len(load({"a": {}, "b": other})) == 2
    with pytest.raises(ConfigurationError, match="differ in candle_granularity_minutes"):
        load({"a": {}, "b": {**other, "candle_granularity_minutes": 60}})


def test_two_granularities_live_in_buckets_of_their_own(load):
    assert len(load({"a": {}, "b": {"candle_granularity_minutes": 60, "influxdb_bucket": "hours"}})) == 2
