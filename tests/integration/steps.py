"""The four steps as Airflow runs them, one after the other, in this process."""

from __future__ import annotations

import functools
import json
import math
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass, field
from typing import Any

from candle_ingest.candles.window import ALL_TIME, HOUR_MS, Window
from candle_ingest.connections import connect_influxdb
from candle_ingest.errors import CandleIngestError
from candle_ingest.fetching.fetch_candles import fetch_candles
from candle_ingest.ledger.day_record import DayRecord
from candle_ingest.ledger.day_records import DayRecords, Key
from candle_ingest.ledger.merged_day import MergedDay
from candle_ingest.ledger.task_instance_ref import TaskInstanceRef
from candle_ingest.ledger.work_index import PairDay
from candle_ingest.merging.aggregate_and_write import aggregate_and_write
from candle_ingest.merging.announcements import events
from candle_ingest.merging.send_notices import send_notices
from candle_ingest.planning.fetch_batch import split_batches
from candle_ingest.planning.plan import Plan
from candle_ingest.planning.read_symbols import read_symbols
from candle_ingest.planning.run import make_run
from candle_ingest.planning.validate_symbols import validate_symbols
from candle_ingest.reports.merge_progress import MergeProgress, read_merge_progress
from candle_ingest.settings import PipelineSettings
from candle_ingest.store.bucket import InfluxBucket
from candle_ingest.store.flux import flux_range, times_ms
from dev.exchange_simulator import merged_truth as oracle
from dev.exchange_simulator.coins import utc_ms
from dev.exchange_simulator.market_events import MarketEvent
from dev.exchange_simulator.merged_truth import MergeRules
from dev.exchange_simulator.synthetic_market import true_candles
from dev.local_stack.redis_server import RedisServer

DAY = Window(utc_ms("2026-03-10"), utc_ms("2026-03-11"))
THREE = ("binance", "coinbaseexchange", "kucoin")
OHLCV = ("open", "high", "low", "close", "volume")
# The others have it in USDT.
TRADED_IN_DOLLARS = ("coinbaseexchange", "kraken", "binanceus", "coinbase", "bitstamp")


@dataclass
class StepResult:
    """What a run returned, the errors of its failed fetches, and what its notifier was told once."""

    plan: Plan
    written: dict[str, int] = field(default_factory=dict)
    failed: dict[str, CandleIngestError] = field(default_factory=dict)
    incomplete: CandleIngestError | None = None
    requests: int = 0
    events: list[dict] = field(default_factory=list)
    told: list[str] = field(default_factory=list)


def run_steps(
    settings: PipelineSettings,
    kind: str,
    window: Window | None,
    now_ms: int,
    params: Mapping[str, Any] | None = None,
    origin_ms: int | None = None,
    *,
    killed: Sequence[str] = (),
    merge: bool = True,
    announce: bool = True,
    told: list[str] | None = None,
) -> StepResult:
    """Run all steps of one run; a fetch that fails does not stop the others, as in Airflow.

    Fetches of the exchanges `killed` never run; without `merge` the run ends before its last step, without `announce`
    before its events. What the notifier is told goes to `told`.
    """
    recorder = TaskInstanceRef(dag_id=f"candle_{kind}", run_id=uuid.uuid4().hex)
    run = make_run(settings, kind, dict(params or {}), window, origin_ms, now_ms, recorder)
    result = StepResult(validate_symbols(run, read_symbols(run)), told=[] if told is None else told)
    batches = [
        {"batch": batch.to_xcom()} for batch in split_batches(result.plan.batches, 1024, settings.symbols_per_fetch)
    ]
    result.plan = Plan.from_xcom(json.loads(json.dumps(result.plan.to_xcom())), json.loads(json.dumps(batches)))
    summaries = [
        summary
        for batch in result.plan.batches
        if batch.exchange not in killed
        for summary in fetch_or_note(run, batch, result)
    ]
    result.requests = sum(summary["requests"] for summary in summaries)
    if not merge:
        return result
    try:
        result.written = aggregate_and_write(run, result.plan, summaries)
        result.events = events(run, result.plan, result.written, lambda *_: "success", lambda _: []) if announce else []
    except CandleIngestError as error:
        result.incomplete = error
    send_notices(run, result.told.append)
    return result


def asked(result: StepResult) -> list[tuple[str, str, Window]]:
    """Return what a plan itself says it asks for: pair, exchange and window."""
    return [
        (pair, batch.exchange, window)
        for batch in result.plan.batches
        for pair, windows in batch.windows.items()
        for window in windows
    ]


def with_settings(settings: PipelineSettings, **changes: Any) -> PipelineSettings:
    """Return the same pipeline with some settings changed."""
    return PipelineSettings(**{**settings.model_dump(), **changes})


def fetch_or_note(run, batch, result):
    try:
        return [fetch_candles(run, batch)]
    except CandleIngestError as error:
        result.failed[batch.label] = error
        return []


def market_of(exchange: str, pair: str = "BTC/USD") -> str:
    """Return the market used for a pair there."""
    return pair if exchange in TRADED_IN_DOLLARS else f"{pair}T"


def truth(exchange: str, window: Window, pair: str = "BTC/USD") -> list[tuple]:
    """Return what the simulated exchange has."""
    return true_candles(exchange, market_of(exchange, pair), window.start_ms, window.end_ms)


def merged_truth(
    exchanges: Sequence[str],
    window: Window,
    pair: str = "BTC/USD",
    known_from_ms: int | None = None,
    events: Sequence[MarketEvent] = (),
    **rules: Any,
) -> list[tuple]:
    """Return the merge of these exchanges by the simulator's own rules (the fields of its MergeRules).

    Rates are known from the window on, or from `known_from_ms` on. Prices and volumes are equal to others that differ
    by rounding only.
    """
    since_ms = window.start_ms if known_from_ms is None else known_from_ms
    return [*_merged_truth(tuple(exchanges), window, pair, tuple(events), history_start_ms=since_ms, **rules)]


@functools.lru_cache(maxsize=32)
def _merged_truth(
    exchanges: Sequence[str], window: Window, pair: str, events: Sequence[MarketEvent], **rules: Any
) -> list[tuple]:
    """Return it once for all tests of a day: the simulator merges minute by minute."""
    markets = {name: market_of(name, pair) for name in exchanges}
    found = oracle.merged_truth(pair, markets, window.start_ms, window.end_ms, events, MergeRules(**rules))
    return [(time_ms, *map(Near, astuple(minute.candle)[:5])) for time_ms, minute in found.items()]


class Near(float):
    """A number that is equal to any other that differs by rounding only, as with a much slower `pytest.approx`."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, float | int) and math.isclose(self, other, rel_tol=1e-12)

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        raise TypeError("equal numbers would have different hashes")


def hours(first: float, last: float, day: Window = DAY) -> Window:
    """Return these hours of the day."""
    return Window(day.start_ms + int(first * HOUR_MS), day.start_ms + int(last * HOUR_MS))


def within(rows: Sequence[tuple], window: Window) -> list[tuple]:
    """Return the rows that open in the window."""
    return [row for row in rows if window.start_ms <= row[0] < window.end_ms]


def stored(
    bucket: str, measurement: str, currency_pair: str, exchange: str | None = None, window: Window = ALL_TIME
) -> list[tuple]:
    """Return the rows of a pair, read with the test's own query: (time_ms, open, high, low, close, volume).

    Rows are joined here: pivoted by InfluxDB, a day takes it five times as long.
    """
    flux = f"""
    from(bucket: bucket) |> range(start: time(v: start_ns), stop: time(v: stop_ns))
      |> filter(fn: (r) => r._measurement == "{measurement}" and r.currency_pair == pair)
      |> filter(fn: (r) => {"r.exchange == exchange" if exchange else "not exists r.exchange"})
      |> filter(fn: (r) => {" or ".join(f'r._field == "{name}"' for name in OHLCV)})
      |> keep(columns: ["_time", "_field", "_value"])
    """
    found: dict[str, dict[str, float]] = {}
    with InfluxBucket(connect_influxdb(), bucket) as opened:
        for row in opened.query_rows(flux, pair=currency_pair, exchange=exchange or "", **flux_range(window)):
            found.setdefault(row["_time"], {})[row["_field"]] = float(row["_value"])
    values = (tuple(fields[name] for name in OHLCV) for fields in found.values())
    return sorted((time_ms, *own) for time_ms, own in zip(times_ms(found).tolist(), values, strict=True))


def watermarks(bucket: str, *keys: str) -> dict[str, int]:
    """Return the newest state of each key, whatever its service."""
    flux = """
    from(bucket: bucket) |> range(start: 0) |> filter(fn: (r) => r._measurement == "processing_state") |> last()
    """
    with InfluxBucket(connect_influxdb(), bucket) as opened:
        found = {row["key"]: int(row["_value"]) for row in opened.query(flux)}
    return {key: found[key] for key in keys if key in found}


def day_records(bucket: str, window: Window = DAY) -> dict[Key, DayRecord]:
    """Return the records of the days that the window touches, by pair, exchange and midnight."""
    with InfluxBucket(connect_influxdb(), bucket) as opened:
        return DayRecords(opened).read(window)


def merged_days(bucket: str, window: Window = DAY) -> dict[PairDay, MergedDay]:
    """Return the merged days that the window touches, by pair and midnight."""
    with InfluxBucket(connect_influxdb(), bucket) as opened:
        return DayRecords(opened).read_merges(window)


def everything(bucket: str, window: Window = ALL_TIME) -> list[str]:
    """Return each field of each candle in the window, as a line of CSV, in a fixed order."""
    flux = """
    from(bucket: bucket) |> range(start: time(v: start_ns), stop: time(v: stop_ns))
      |> filter(fn: (r) => r._measurement == "candles" or r._measurement == "exchange_candles")
      |> drop(columns: ["_start", "_stop"])
    """
    with InfluxBucket(connect_influxdb(), bucket) as opened:
        return sorted(opened.query_csv(flux, **flux_range(window)).splitlines())


def forget_markets(redis: RedisServer) -> None:
    """Delete the cached lists of markets, so that the next run requests them."""
    client = redis.client()
    for key in client.scan_iter("*candle_ingest:markets*"):
        client.delete(key)


def merge_progress(settings: PipelineSettings, window: Window | None = None) -> MergeProgress:
    """Return how many days of BTC/USD are merged, and how many of them by another method."""
    with InfluxBucket(connect_influxdb(), settings.influxdb_bucket) as bucket:
        return read_merge_progress(bucket, settings, {"BTC/USD"}, window)
