"""Errors in what an operator writes: settings, connections, params, options of a command."""

from candle_ingest.errors.base import ConfigurationError


class SettingError(ConfigurationError):
    """A setting of a pipeline has a value that is not allowed, or does not exist."""

    name = "setting-invalid"
    cause = "A key of the settings file, or a variable CANDLE_INGEST_…, is misspelt, or its value is not allowed."
    cure = "Write one of the values that the message lists. The reference has every setting with its values."
    example = "candle_ingest.yaml: pipeline candle: candle_granularity_minutes is 7; allowed are 1, 3, 5, 15, 30"


class SettingsFileError(ConfigurationError):
    """The settings file cannot be read, or does not define pipelines."""

    name = "settings-file-invalid"
    cause = "The file does not exist, may not be read, is not valid YAML, has a key twice, or has no `pipelines`."
    cure = "Correct the file at the line in the message, or the variable CANDLE_INGEST_CONFIG that names it."
    example = "candle_ingest.yaml: cannot be read (No such file or directory); CANDLE_INGEST_CONFIG names the file"


class SharedBucketError(ConfigurationError):
    """Two pipelines would overwrite each other's candles."""

    name = "bucket-shared"
    cause = "Two pipelines use one bucket, and differ in a setting that decides what a candle is."
    cure = "Give one of them its own `influxdb_bucket`."
    example = (
        "candle_ingest.yaml: pipelines candle and hourly share the bucket candles, and differ in "
        "candle_granularity_minutes: give one of them its own influxdb_bucket"
    )


class GranularityChangedError(ConfigurationError):
    """The bucket has candles of another length."""

    name = "granularity-changed"
    cause = "`candle_granularity_minutes` was changed, and the bucket was not."
    cure = "Give the pipeline a new `influxdb_bucket`, or set the granularity back."
    example = (
        "the bucket candles has candles of 1 minute, and candle_granularity_minutes is 60: "
        "give the pipeline a new influxdb_bucket"
    )


class PipelineUnknownError(ConfigurationError):
    """A command names a pipeline that the settings file does not have."""

    name = "pipeline-unknown"
    cause = "`--pipeline` names no pipeline of the settings file."
    cure = "Use one of the names in the message; CANDLE_INGEST_CONFIG says which file is read."
    example = "no pipeline 'candles'; there are candle, hourly"


class NotifierError(ConfigurationError):
    """`failure_notifier` does not name a function or a notifier."""

    name = "notifier-invalid"
    cause = "The module or the name in it does not exist, is not on Airflow's Python path, or is not a function."
    cure = "Write the dotted path of an Airflow notifier or of a function that takes the context."
    example = "failure_notifier is 'alerts.tell', which cannot be imported: No module named 'alerts'"


class ConnectionMissingError(ConfigurationError):
    """Neither the connection nor its variable is defined."""

    name = "connection-missing"
    cause = "Nothing says where Redis or InfluxDB is."
    cure = (
        "Define the Airflow connection in the message, or the environment variable. For the local stack, read its "
        "`terminal.sh` in this shell first."
    )
    example = "neither the Airflow connection redis_default nor the variable REDIS_HOST is defined"


class ConnectionInvalidError(ConfigurationError):
    """A connection, or a variable that replaces it, has a value that cannot be used."""

    name = "connection-invalid"
    cause = "The host of a connection is not a base URL, or a port is not a number."
    cure = "Correct the connection or the variable in the message."
    example = "connection ccxt_kraken: host is 'ftp://example'; write a base URL such as https://proxy.example"


class OptionError(ConfigurationError):
    """An option or argument of a command in the terminal has a value that cannot be used."""

    name = "option-invalid"
    cause = "A time is not written as a time, a range is empty, or a file cannot be written."
    cure = "Write what the message asks for; `candle-ingest COMMAND --help` describes each option."
    example = "--from is '20.11.2026'; write 2026-11-20 or 2026-11-20T12:00Z"


class ParamError(ConfigurationError):
    """A param of a run is unknown or has a value that cannot be used."""

    name = "param-invalid"
    cause = "A key of the run's `conf` is misspelt, or its value is not of the form that it needs."
    cure = "Correct it, and trigger the run again. The message lists what is allowed."
    example = "param start is '20.11.2026'; expected a moment such as 2026-01-01T00:00Z"


class RangeError(ConfigurationError):
    """A run has no time range that it could fetch."""

    name = "range-invalid"
    cause = (
        "A run that was triggered by hand has neither start and end nor a logical date, the end is not after the "
        "start, or both lie ahead."
    )
    cure = "Give `start` and `end`, with a start in the past."
    example = "the end, 2026-11-20T12:00Z, is not after the start, 2026-11-20T13:00Z"


class HistoryEmptyError(ConfigurationError):
    """There is no history to plan."""

    name = "history-empty"
    cause = "`backfill_start_date` is `skip`, or no backfill interval has ended since that date."
    cure = "Set an earlier `backfill_start_date`; with `make plan`, set BACKFILL."
    example = "backfill_start_date is skip: there is no history to plan"


class ExchangeUnknownError(ConfigurationError):
    """An exchange of the settings does not exist in ccxt, or serves no candles."""

    name = "exchange-unknown"
    cause = "The name is misspelt, or ccxt cannot request candles from this exchange."
    cure = "Write the exchange's ccxt id, or remove it from `exchanges`."
    example = "ccxt 4.5.90 knows no exchange 'krakn'; known are binance, kraken"


class TimeframeUnavailableError(ConfigurationError):
    """An exchange has no candles from which those of the pipeline could be built."""

    name = "timeframe-unavailable"
    cause = "The exchange serves no candles of this length, and none whose length divides it."
    cure = "Choose another `candle_granularity_minutes`, or remove the exchange from `exchanges`."
    example = "htx has no candles that make up 3m (candle_granularity_minutes is 3); it has 5m, 15m, 30m, 1h"
