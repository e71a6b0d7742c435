"""Run the backfill DAG, including intervals that an earlier run of the stack left out, and count its runs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from candle_ingest.plurals import counted
from dev.local_stack.airflow_api import AirflowApi, Row
from dev.local_stack.errors import LocalStackError
from dev.local_stack.options import StackOptions
from dev.local_stack.pipeline import BackfillPlan

_ATTEMPTS = 3


@dataclass(frozen=True, kw_only=True)
class RunCounts:
    """Progress of the backfill: the number of runs by outcome."""

    total: int
    done: int
    failed: int
    running: int

    @property
    def is_finished(self) -> bool:
        """Return whether nothing is left to wait for."""
        return self.done + self.failed >= self.total and self.running == 0


@dataclass(frozen=True, kw_only=True)
class RerunCounts:
    """The number of earlier intervals that are rerun, by reason.

    `changed`: they had other symbols or exchanges. `unknown`: it is no longer known which ones they had.
    """

    failed: int = 0
    changed: int = 0
    unknown: int = 0

    @property
    def sentence(self) -> str:
        """Return how many are rerun and why; empty if none are."""
        reasons = {
            "that failed": self.failed,
            "whose symbols or exchanges have changed": self.changed,
            "whose earlier symbols and exchanges are not known": self.unknown,
        }
        parts = [f"{counted(count, 'interval')} {reason}" for reason, count in reasons.items() if count]
        return f"Rerunning {' and '.join(parts)}" if parts else ""


class BackfillRun:
    """One backfill over the intervals of `plan`."""

    def __init__(self, api: AirflowApi, dag_id: str, plan: BackfillPlan) -> None:
        self._api = api
        self._dag_id = dag_id
        self._plan = plan
        self._range = {
            "logical_date_gte": plan.start.isoformat(),
            "logical_date_lte": plan.last_interval_start.isoformat(),
        }
        self._reported: set[str] = set()

    def start(self, options: StackOptions, remembered: Path) -> RerunCounts:
        """Unpause the DAG, and return how many earlier intervals are rerun.

        The scheduler creates runs only after the last existing one. A backfill therefore creates the runs that failed
        or are missing before it, or all of them if symbols or exchanges have changed. The DAG must be paused and have
        no unfinished run.
        """
        current = json.dumps([options.symbols, options.exchanges])
        before = remembered.read_text() if remembered.exists() else None
        deleted = self._delete_runs() if before != current else 0
        failed = self._make_runs() if self._api.count_runs(self._dag_id) else 0
        remembered.write_text(current)
        self._api.set_paused(self._dag_id, paused=False)
        return RerunCounts(failed=failed, **{"unknown" if before is None else "changed": deleted})

    def _delete_runs(self) -> int:
        """Delete the runs of these intervals; return how many there were.

        With other symbols, a run has another number of fetches. Airflow removes surplus ones, and does not start them
        if the same run needs them again later.
        """
        runs = list(self._api.runs(self._dag_id, **self._range))
        for run in runs:
            self._api.delete_run(self._dag_id, run["dag_run_id"])
        return len(runs)

    def _make_runs(self) -> int:
        """Create the missing runs, and rerun those that failed; return how many had failed."""
        body = {
            "dag_id": self._dag_id,
            "from_date": self._plan.start.isoformat(),
            "to_date": self._plan.last_interval_start.isoformat(),
            "reprocess_behavior": "failed",
            "max_active_runs": 4,
        }
        wanted = self._api.backfill_size(body)
        never_made = self._plan.interval_count - self._api.count_runs(self._dag_id, **self._range)
        if wanted:
            self._create(body)
        return max(0, wanted - never_made)

    def _create(self, body: Row) -> None:
        """Create a backfill; if the API fails, cancel what it has created and try again."""
        for _ in range(_ATTEMPTS - 1):
            try:
                return self._api.create_backfill(body)
            except LocalStackError:
                self._api.cancel_backfills(self._dag_id)
        return self._api.create_backfill(body)

    def counts(self) -> RunCounts:
        """Return the current numbers of runs."""
        number = {state: self._count(state) for state in ("success", "failed", "running", "queued")}
        return RunCounts(
            total=self._plan.interval_count,
            done=number["success"],
            failed=number["failed"],
            running=number["running"] + number["queued"],
        )

    def new_failures(self) -> Iterator[str]:
        """Yield one line for each failed task of each failed run that was not reported yet."""
        for run in self._api.runs(self._dag_id, state="failed", **self._range):
            key = f"{run['dag_run_id']} {run['end_date']}"
            if key not in self._reported:
                self._reported.add(key)
                yield from self._failures_of(run)

    def _failures_of(self, run: Row) -> Iterator[str]:
        day = datetime.fromisoformat(run["logical_date"])
        for instance in self._api.task_instances(self._dag_id, run["dag_run_id"]):
            if instance["state"] == "failed":
                label = instance["rendered_map_index"] or ""
                what = f"{self._dag_id} {day:%Y-%m-%d %H:%M}: {instance['task_id']} {label} failed".replace("  ", " ")
                yield what + self._reason_of(run["dag_run_id"], instance)

    def _reason_of(self, run_id: str, instance: Row) -> str:
        task = instance["task_id"], instance["map_index"], instance["try_number"]
        try:
            reason = self._api.task_error(self._dag_id, run_id, *task)
        except LocalStackError as error:
            return f"; its log cannot be read: {error}"
        return f": {reason}" if reason else ""

    def _count(self, state: str) -> int:
        return self._api.count_runs(self._dag_id, state=state, **self._range)
