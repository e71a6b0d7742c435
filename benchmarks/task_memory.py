"""The peak resident memory of a task, each task in a separate process."""

from collections.abc import Callable

from benchmarks.figures import Figures, repeat
from benchmarks.own_process import alone, peak_mb
from benchmarks.result import Result, at_most
from benchmarks.sample import days, sample_candles
from benchmarks.sample_plan import PlannedRun, planned_run
from benchmarks.workbench import Workbench
from candle_ingest.candles.candles import Candles
from candle_ingest.candles.window import DAY_MS, HOUR_MS, MINUTE_MS, Window, split_days
from candle_ingest.ledger.day_record import ClosingRule
from candle_ingest.ledger.look import Look
from candle_ingest.ledger.record_keeper import RecordKeeper
from candle_ingest.plurals import counted
from candle_ingest.settings import PipelineSettings
from candle_ingest.store.candle_store import CandleStore

FIVE = ("binance", "coinbaseexchange", "kraken", "kucoin", "htx")
MAX_MB = 300


def fetch_memory(bench: Workbench) -> Result:
    """Measure a fetch of a month of minutes, written as it comes."""
    settings = PipelineSettings(
        name="candle", exchanges=("binance",), influxdb_bucket=bench.influxdb.new_bucket(), quote_conversion="par"
    )
    window = days(bench.repetitions(31, 1))
    with bench.task_environment(bench.unlimited_exchanges):
        planned = planned_run(settings, window, ["btcusd"])
        figures = _peaks(_fetch, planned, bench.repetitions(3, 1))
    return Result(
        name="fetch_memory",
        what=f"peak memory of a task that fetches {counted(window.slots(DAY_MS), 'day')} of minutes",
        figures=figures,
        unit="MB",
        target=at_most(MAX_MB),
        detail=f"{_import_peak():.0f} MB of it are imports",
    )


def merge_memory(bench: Workbench) -> Result:
    """Measure a merge of a month of five exchanges, read back from InfluxDB."""
    settings = PipelineSettings(name="candle", exchanges=FIVE, influxdb_bucket=bench.influxdb.new_bucket())
    window = days(bench.repetitions(31, 1))
    with bench.task_environment(bench.unlimited_exchanges):
        planned = planned_run(settings, window, ["btcusd"])
        _store_candles(bench, settings.influxdb_bucket, window)
        figures = _peaks(_merge, planned, bench.repetitions(3, 1))
    return Result(
        name="merge_memory",
        what=f"peak memory of a task that merges {counted(window.slots(DAY_MS), 'day')} of 5 exchanges",
        figures=figures,
        unit="MB",
        target=at_most(MAX_MB),
    )


def _store_candles(bench: Workbench, name: str, window: Window) -> None:
    """Store what the fetches of the window would have left."""
    with bench.open_bucket(name) as bucket, bench.redis.client() as client:
        store = CandleStore(bucket)
        keeper = RecordKeeper(bucket, client, MINUTE_MS, lambda _: ClosingRule(HOUR_MS), DAY_MS)
        for seed, exchange in enumerate(FIVE):
            candles = sample_candles(window, seed)
            store.write_exchange_candles("BTC/USD", exchange, "BTC/USD", candles)
            keeper.apply(exchange, {"BTC/USD": [_look(day, candles) for day in split_days(window)]})


def _look(day: Window, candles: Candles) -> Look:
    own = candles.between(day.start_ms, day.end_ms)
    return Look(
        window=day,
        asked_at_ms=day.end_ms + 2 * HOUR_MS,
        open_times_ms=own.open_time_ms,
        traded_ms=own.traded_ms(),
        closing=day,
    )


def _peaks(task: Callable[[PlannedRun], float], planned: PlannedRun, repetitions: int) -> Figures:
    return repeat(lambda: alone(task, planned), repetitions)


def _import_peak() -> float:
    return alone(_only_import)


def _fetch(planned: PlannedRun) -> float:
    from candle_ingest.fetching.fetch_candles import fetch_candles

    for batch in planned.plan.batches:
        fetch_candles(planned.run, batch)
    return peak_mb()


def _merge(planned: PlannedRun) -> float:
    from candle_ingest.fetching.fetch_summary import batch_key
    from candle_ingest.merging.aggregate_and_write import aggregate_and_write

    done = [{"batch": batch_key(batch)} for batch in planned.plan.batches]
    aggregate_and_write(planned.run, planned.plan, done)
    return peak_mb()


def _only_import() -> float:
    # A fetch imports ccxt when it opens an exchange.
    import ccxt  # noqa: F401

    import candle_ingest.fetching.fetch_candles  # noqa: F401

    return peak_mb()
