"""Let catch-up reach the present once, with the symbols and exchanges of this run of the stack."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Protocol

from candle_ingest.plurals import counted
from dev.local_stack.airflow_api import AirflowApi, Row
from dev.local_stack.errors import ServerNotReadyError

_FINISHED = ("success", "failed")
_POLL_SECONDS = 2.0
_REPORT_SECONDS = 20.0
_STALLED_SECONDS = 900.0


class Progressing(Protocol):
    """Something that ends eventually."""

    def finished(self) -> Row | None:
        """Return the run once it is finished."""

    def progress(self) -> str:
        """Return the progress of the run in words."""


def follow(run: Progressing, say: Callable[[str], None], pause: Callable[[float], None], log: Path) -> Row:
    """Return the run once it is finished. Raises ServerNotReadyError if it makes no progress for a long time."""
    reported = changed = time.monotonic()
    before = ""
    while (finished := run.finished()) is None:
        now = time.monotonic()
        if now - reported >= _REPORT_SECONDS:
            reported, progress = now, run.progress()
            say(f"Catching up: {progress}")
            if progress != before:
                before, changed = progress, now
            elif now - changed >= _STALLED_SECONDS:
                raise ServerNotReadyError(
                    f"Catching up has not moved for {_STALLED_SECONDS / 60:.0f} minutes ({progress}). "
                    f"See the log of Airflow's scheduler: {log}"
                )
        pause(_POLL_SECONDS)
    return finished


class CatchUpRun:
    """The run of catch-up whose data interval ends at `end` or later."""

    def __init__(self, api: AirflowApi, dag_id: str, end: datetime) -> None:
        self._api = api
        self._dag_id = dag_id
        self._end = end

    def start(self) -> None:
        """Unpause the DAG, so that the scheduler creates the run. Delete one that an earlier start has left.

        The DAG must be paused and have no unfinished run, so that the run that finishes has the current settings. The
        scheduler notices the deletion when the DAG file is parsed next, half a minute later at most.
        """
        for run in self._runs():
            self._api.delete_run(self._dag_id, run["dag_run_id"])
        self._api.set_paused(self._dag_id, paused=False)

    def finished(self) -> Row | None:
        """Return the run once it is finished."""
        return next((run for run in reversed(self._runs()) if run["state"] in _FINISHED), None)

    def progress(self) -> str:
        """Return the progress of the run in words, or of an earlier unfinished one: only one runs at a time."""
        unfinished = [run for run in self._recent_runs() if run["state"] not in _FINISHED]
        if not unfinished:
            return "its run does not exist yet"
        instances = self._api.task_instances(self._dag_id, unfinished[0]["dag_run_id"])
        done = sum(instance["state"] == "success" for instance in instances)
        earlier = "" if self._reaches_end(unfinished[0]) else " of the run before it"
        return f"{done} of {counted(len(instances), 'task')} done{earlier}"

    def _runs(self) -> list[Row]:
        return [run for run in self._recent_runs() if self._reaches_end(run)]

    def _recent_runs(self) -> list[Row]:
        since = (self._end - timedelta(days=1)).isoformat()
        return self._api.runs(self._dag_id, logical_date_gte=since)

    def _reaches_end(self, run: Row) -> bool:
        interval_end = run["data_interval_end"]
        return interval_end is not None and datetime.fromisoformat(interval_end) >= self._end
