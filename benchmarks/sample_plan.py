"""What tasks need for a run on simulated exchanges, without Airflow."""

from dataclasses import dataclass

from benchmarks.sample import NOW_MS
from candle_ingest.core.symbol import parse_symbol
from candle_ingest.core.window import Window
from candle_ingest.settings import PipelineSettings
from candle_ingest.tasks.plan import Plan
from candle_ingest.tasks.run import Run, make_run
from candle_ingest.tasks.validate_symbols import validate_symbols


@dataclass(frozen=True, slots=True)
class PlannedRun:
    """A backfill run and its plan; both can be sent to another process."""

    run: Run
    plan: Plan


def planned_run(settings: PipelineSettings, window: Window, tickers: list[str]) -> PlannedRun:
    """Plan one interval; the lists of markets come from the exchanges once and from Redis afterwards."""
    run = make_run(settings, "backfill", {}, window, window.start_ms, NOW_MS)
    return PlannedRun(run, validate_symbols(run, [parse_symbol(ticker).ticker for ticker in tickers]))
