"""What the page's JavaScript gets: plain data of each view."""

from collections.abc import Collection, Iterable
from dataclasses import asdict
from typing import Any

from candle_ingest.candles.window import Window
from candle_ingest.doctor.stored_findings import DatedFinding
from candle_ingest.ledger.ledger_records import LedgerRecord
from candle_ingest.reports.chart_bars import ChartBars
from candle_ingest.reports.coverage_hours import CoverageHours, Hole
from candle_ingest.reports.exchange_health import ExchangeHealth
from candle_ingest.reports.explanation import Explanation, Part
from candle_ingest.reports.freshness import Freshness

Answer = dict[str, Any]


def hours_answer(found: CoverageHours, dag_ids: Collection[str]) -> Answer:
    """Exchanges × hours, holes and merges; tasks of other DAGs than `dag_ids` are left out."""
    return {
        "hours": [hour.start_ms for hour in found.hours],
        "accounts": {name: [asdict(sums) for sums in accounts] for name, accounts in found.accounts.items()},
        "holes": [_hole(hole, dag_ids) for hole in found.holes],
        "merges": [{"exchanges": names, "windows": _windows(windows)} for names, windows in found.merges],
    }


def bars_answer(found: ChartBars) -> Answer:
    """Return the bars by columns."""
    return asdict(found)


def explanation_answer(found: Explanation, records: list[LedgerRecord], dag_ids: Collection[str]) -> Answer:
    """One candle, part by part."""
    return {
        "start_ms": found.window.start_ms,
        "end_ms": found.window.end_ms,
        "parts": [_part(part, records, dag_ids) for part in found.parts],
        "merged": found.merged,
        "stored": found.stored.ohlcv if found.stored else None,
        "stored_exchanges": found.stored.exchanges if found.stored else [],
        "agrees": found.agrees,
    }


def health_answer(found: list[ExchangeHealth]) -> Answer:
    """Return the exchanges."""
    return {"exchanges": [asdict(health) for health in found]}


def findings_answer(found: Iterable[DatedFinding]) -> Answer:
    """Return what `candle-ingest doctor` found last of each exchange."""
    findings = [
        {**asdict(one.finding), "is_harmless": one.finding.is_harmless, "found_ms": one.found_ms} for one in found
    ]
    return {"findings": findings}


def freshness_answer(found: Freshness, now_ms: int, redis_problem: str) -> Answer:
    """Return the symbols, and what Redis said where it did not list them."""
    return {**asdict(found), "now_ms": now_ms, "redis_problem": redis_problem}


def _hole(hole: Hole, dag_ids: Collection[str]) -> Answer:
    entry = hole.record.entry
    return {
        "exchange": entry.exchange,
        "status": entry.status,
        "reason": entry.reason,
        "outcome": entry.outcome,
        "windows": _windows(hole.windows),
        "is_open": hole.is_open,
        "tries": hole.tries,
        "count": hole.count,
        "recorded_at_ms": entry.recorded_at_ms,
        "task": _task(hole.record, dag_ids),
    }


def _part(part: Part, records: list[LedgerRecord], dag_ids: Collection[str]) -> Answer:
    record = next((r for r in records if r.entry is part.entry), None)
    return {
        "exchange": part.exchange,
        "state": part.state,
        "ohlcv": part.candle.ohlcv if part.candle else None,
        "market": part.candle.market if part.candle else "",
        "weight": part.weight,
        "reason": part.entry.reason if part.entry else "",
        "recorded_at_ms": part.entry.recorded_at_ms if part.entry else None,
        "task": _task(record, dag_ids) if record else None,
    }


def _task(record: LedgerRecord, dag_ids: Collection[str]) -> Answer | None:
    """Only tasks of the pipeline: whoever can write to the bucket must not lead a user to clear those of others."""
    if not record.recorder.run_id or record.recorder.dag_id not in dag_ids:
        return None
    return {**asdict(record.recorder), "task_id": record.task_id}


def _windows(windows: list[Window]) -> list[list[int]]:
    return [[window.start_ms, window.end_ms] for window in windows]
