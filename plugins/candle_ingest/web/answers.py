"""The data of each view, as the JavaScript of the page receives it."""

from collections.abc import Collection, Iterable
from dataclasses import asdict
from typing import Any

from candle_ingest.candles.window import Window
from candle_ingest.doctor.stored_findings import DatedFinding
from candle_ingest.ledger.minute_state import CoverageCounts
from candle_ingest.ledger.task_instance_ref import TaskInstanceRef
from candle_ingest.reports.chart_bars import ChartBars
from candle_ingest.reports.coverage_hours import CoverageHours, Hole
from candle_ingest.reports.coverage_totals import CoverageTotal
from candle_ingest.reports.exchange_health import ExchangeHealth
from candle_ingest.reports.exchange_pace import ExchangePace
from candle_ingest.reports.explanation import Explanation, Part
from candle_ingest.reports.explanation_words import verdict
from candle_ingest.reports.freshness import Freshness

Answer = dict[str, Any]
# A mapped task instance is a fetch; other tasks record before or after it.
FETCH_TASK = "fetch_candles"


def hours_answer(found: CoverageHours, dag_ids: Collection[str]) -> Answer:
    """Return exchanges × hours, holes, and what is merged; tasks of DAGs other than `dag_ids` are left out."""
    return {
        "hours": [hour.start_ms for hour in found.hours],
        "counts": {name: [sums.to_dict() for sums in own] for name, own in found.counts.items()},
        "states": found.states,
        "holes": [_hole(hole, dag_ids) for hole in found.holes],
        "state": found.state,
        "waits_for_rates": found.waits_for_rates,
        "merged": _windows(found.merged),
        "waiting": [asdict(waiting) for waiting in found.waiting],
    }


def rates_answer(found: Iterable[CoverageTotal]) -> Answer:
    """Return the rate markets; like the map, count only slots of days that have a record."""
    return {"rates": [_rate(total.currency_pair, total.exchange, total.recorded_counts) for total in found]}


def bars_answer(found: ChartBars) -> Answer:
    """Return the bars, by column."""
    return asdict(found)


def explanation_answer(found: Explanation, dag_ids: Collection[str]) -> Answer:
    """Return one candle, exchange by exchange."""
    return {
        "start_ms": found.window.start_ms,
        "end_ms": found.window.end_ms,
        "parts": [_part(part, dag_ids) for part in found.parts],
        "merged": found.merged,
        "stored": found.stored_candle,
        "stored_exchanges": found.stored.exchanges if found.stored else [],
        "is_merged": found.is_merged,
        "agrees": found.agrees,
        "grade": found.grade,
        "record_state": found.day.state if found.day else "",
        "verdict": asdict(verdict(found)),
    }


def health_answer(found: list[ExchangeHealth], paces: Iterable[ExchangePace]) -> Answer:
    """Return the exchanges, each with how much its requests are slowed down now; None if that is not known."""
    slowdowns = {pace.exchange: pace.slowdown for pace in paces}
    return {"exchanges": [{**asdict(health), "slowdown": slowdowns.get(health.exchange)} for health in found]}


def findings_answer(found: Iterable[DatedFinding]) -> Answer:
    """Return the latest findings of `candle-ingest doctor` on each exchange."""
    findings = [
        {**asdict(one.finding), "is_harmless": one.finding.is_harmless, "found_ms": one.found_ms} for one in found
    ]
    return {"findings": findings}


def freshness_answer(found: Freshness, now_ms: int, redis_problem: str) -> Answer:
    """Return the symbols, and the error of Redis if it did not list them."""
    return {**asdict(found), "now_ms": now_ms, "redis_problem": redis_problem}


def _rate(currency_pair: str, exchange: str, counts: CoverageCounts) -> Answer:
    return {
        "currency_pair": currency_pair,
        "exchange": exchange,
        "expected": counts.expected,
        "answered": counts.settled,
        "open": counts.open,
        "silent": counts.silent,
        "unobtainable": counts.unobtainable,
    }


def _hole(hole: Hole, dag_ids: Collection[str]) -> Answer:
    return {
        "exchange": hole.exchange,
        "state": hole.state,
        "reason": hole.reason,
        "windows": _windows(hole.windows),
        "is_open": hole.is_open,
        "tries": hole.tries,
        "since_ms": hole.since_ms,
        "due_ms": hole.due_ms,
        "task": _task(hole.recorder, dag_ids),
    }


def _part(part: Part, dag_ids: Collection[str]) -> Answer:
    stretch, priced = part.stretch, part.priced
    return {
        "exchange": part.exchange,
        "state": part.state,
        "ohlcv": part.candle.ohlcv if part.candle else None,
        "market": part.candle.market if part.candle else "",
        "conversion": priced.conversion if priced else "",
        "converted": priced.converted if priced and priced.conversion else None,
        "clamped": priced.counted if priced and priced.is_clamped else None,
        "weight": priced.weight if priced else None,
        "percent": part.percent,
        "notes": priced.notes if priced else [],
        "reason": stretch.reason if stretch else "",
        "since_ms": stretch.since_ms if stretch else 0,
        "due_ms": stretch.due_ms if stretch else 0,
        "task": _task(stretch.recorder, dag_ids) if stretch else None,
    }


def _task(task: TaskInstanceRef, dag_ids: Collection[str]) -> Answer | None:
    """Return the task, unless it belongs to another DAG.

    A program that can write to the bucket must not be able to make a user clear tasks of other DAGs.
    """
    if not task.run_id or task.dag_id not in dag_ids:
        return None
    return {**asdict(task), "task_id": FETCH_TASK if task.map_index >= 0 else ""}


def _windows(windows: list[Window]) -> list[list[int]]:
    return [[window.start_ms, window.end_ms] for window in windows]
