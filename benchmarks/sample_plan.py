"""A run on simulated exchanges and its plan, as tasks need them, without Airflow."""

from dataclasses import dataclass

from benchmarks.sample import NOW_MS
from candle_ingest.candles.symbol import parse_symbol
from candle_ingest.candles.window import Window
from candle_ingest.planning.plan import Plan
from candle_ingest.planning.run import Run, make_run
from candle_ingest.planning.validate_symbols import validate_symbols
from candle_ingest.settings import PipelineSettings


@dataclass(frozen=True, slots=True)
class PlannedRun:
    """A backfill run and its plan; both can be sent to another process."""

    run: Run
    plan: Plan


def planned_run(settings: PipelineSettings, window: Window, tickers: list[str]) -> PlannedRun:
    """Plan one interval; the lists of markets come from the exchanges once and from Redis afterwards."""
    run = make_run(settings, "backfill", {}, window, window.start_ms, NOW_MS)
    return PlannedRun(run, validate_symbols(run, [parse_symbol(ticker).ticker for ticker in tickers]))
