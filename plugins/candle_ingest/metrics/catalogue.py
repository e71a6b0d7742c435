"""The metrics that this package sends: what each one measures, and when to alert."""

from dataclasses import dataclass

COUNTER, GAUGE, TIMER = "counter", "gauge", "timer"


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric. `unit` is what its value counts; `alert` is a rule in words."""

    name: str
    kind: str
    unit: str
    tags: tuple[str, ...]
    meaning: str
    alert: str


SYMBOLS_WRITTEN = Metric(
    "candle_ingest.symbols_written", COUNTER, "symbols", ("pipeline", "dag"),
    "symbols that a run has merged and written",
    "none from catch-up for 15 minutes: no run starts, or all of them fail",
)  # fmt: skip
SYMBOLS_SHORT = Metric(
    "candle_ingest.symbols_short", COUNTER, "symbols", ("pipeline", "dag"),
    "symbols that a run left incomplete",
    "any for an hour, which includes task retries: see the exchanges",
)  # fmt: skip
CANDLES_WRITTEN = Metric(
    "candle_ingest.candles_written", COUNTER, "candles", ("pipeline", "dag"),
    "merged candles written; a candle that is written again counts again",
    "half of the usual number in an hour",
)  # fmt: skip
EXCHANGE_CALLS = Metric(
    "candle_ingest.exchange_calls", COUNTER, "calls", ("exchange",),
    "requests to the exchange, including failed ones",
    "ten times the usual number in an hour: something repeats its requests",
)  # fmt: skip
EXCHANGE_ERRORS = Metric(
    "candle_ingest.exchange_errors", COUNTER, "calls", ("exchange",),
    "requests without a usable answer",
    "more than a tenth of the calls for 15 minutes",
)  # fmt: skip
EXCHANGE_RESPONSE = Metric(
    "candle_ingest.exchange_response", TIMER, "ms", ("exchange",),
    "time from the request to the response, including the wait for the rate limit",
    "95th percentile above 20 s for 15 minutes",
)  # fmt: skip
INFLUXDB_WRITE = Metric(
    "candle_ingest.influxdb_write", TIMER, "ms", (),
    "time of one successful write of up to 5,000 lines",
    "95th percentile above 5 s for 15 minutes",
)  # fmt: skip
INFLUXDB_ERRORS = Metric(
    "candle_ingest.influxdb_errors", COUNTER, "requests", ("what",),
    "failed requests to InfluxDB, counting each try; `what` is `write`, `query` …",
    "any for 15 minutes in a row",
)  # fmt: skip
REDIS_UP = Metric(
    "candle_ingest.redis_up", GAUGE, "1 or 0", (),
    "whether Redis returned the list of symbols when a run began",
    "0 for 5 minutes",
)  # fmt: skip
LAG = Metric(
    "candle_ingest.lag", GAUGE, "seconds", ("pipeline", "currency_pair"),
    "time since the end of the last candle that catch-up's watermark covers",
    "above 900 with catch-up every five minutes; also if it is no longer sent",
)  # fmt: skip
ACCOUNTED = Metric(
    "candle_ingest.accounted_share", GAUGE, "0 to 1", ("pipeline", "currency_pair"),
    "share of the requested minutes with a settled answer, on the days that a run processed, over its exchanges",
    "below 1 for a day",
)  # fmt: skip
MINUTES_MARKED = Metric(
    "candle_ingest.minutes_marked", COUNTER, "minutes", ("pipeline", "what"),
    "merged minutes with an exchange excluded, clamped or disputed, or a stablecoin converted or off its dollar; "
    "`what` is `excluded`, `clamped`, `disputed`, `converted` or `depeg`",
    "disputed or excluded in more than a tenth of the candles written for an hour",
)  # fmt: skip
ALL = (
    SYMBOLS_WRITTEN, SYMBOLS_SHORT, CANDLES_WRITTEN, EXCHANGE_CALLS, EXCHANGE_ERRORS, EXCHANGE_RESPONSE,
    INFLUXDB_WRITE, INFLUXDB_ERRORS, REDIS_UP, LAG, ACCOUNTED, MINUTES_MARKED,
)  # fmt: skip
