"""Run the backfill DAG, including intervals that an earlier run of the stack left out, and count its runs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from candle_ingest.counting import counted
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
        """Tell whether nothing is left to wait for."""
        return self.done + self.failed >= self.total and self.running == 0


@dataclass(frozen=True, kw_only=True)
class Redone:
    """Earlier intervals that are done again, by reason.

    `changed` were made for other symbols or exchanges, `unknown` for some that are not known any more.
    """

    failed: int = 0
    changed: int = 0
    unknown: int = 0

    @property
    def sentence(self) -> str:
        """Return how many are done again and why; empty if none are."""
        reasons = [
            f"{self.failed:,} failed" if self.failed else "",
            f"{self.changed:,} had other symbols or exchanges" if self.changed else "",
            f"which symbols and exchanges {self.unknown:,} had is not known" if self.unknown else "",
        ]
        total = counted(self.failed + self.changed + self.unknown, "earlier interval")
        return f"Doing {total} again: {', '.join(filter(None, reasons))}" if any(reasons) else ""


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
        self._told: set[str] = set()

    def start(self, options: StackOptions, remembered: Path) -> Redone:
        """Let the scheduler work; return which earlier runs are done again.

        The scheduler makes runs only after the last one that exists. Where earlier runs are, those that
        failed and those that are missing are made by a backfill; with other symbols or exchanges, all.
        The DAG is paused, and no run of it is at work.
        """
        asked = json.dumps([options.symbols, options.exchanges])
        before = remembered.read_text() if remembered.exists() else None
        deleted = self._delete_runs() if before != asked else 0
        failed = self._make_runs() if self._api.count_runs(self._dag_id) else 0
        remembered.write_text(asked)
        self._api.set_paused(self._dag_id, paused=False)
        return Redone(failed=failed, **{"unknown" if before is None else "changed": deleted})

    def _delete_runs(self) -> int:
        """Delete the runs of these intervals; return how many there were.

        A run with other symbols has another number of fetches. Airflow removes those that are too many, and if the
        same run needs them again later, it does not start them.
        """
        runs = list(self._api.runs(self._dag_id, **self._range))
        for run in runs:
            self._api.delete_run(self._dag_id, run["dag_run_id"])
        return len(runs)

    def _make_runs(self) -> int:
        """Make the missing runs, and those that failed again; return how many had failed."""
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
        """Create a backfill. Where the API fails, what it has made of it is cancelled, and made again."""
        for _ in range(_ATTEMPTS - 1):
            try:
                return self._api.create_backfill(body)
            except LocalStackError:
                self._api.cancel_backfills(self._dag_id)
        return self._api.create_backfill(body)

    def counts(self) -> RunCounts:
        """Return the numbers of runs, as Airflow has them now."""
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
            if key not in self._told:
                self._told.add(key)
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
