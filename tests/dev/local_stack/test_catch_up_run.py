from datetime import UTC, datetime
from pathlib import Path

import pytest

from dev.local_stack import catch_up_run
from dev.local_stack.catch_up_run import CatchUpRun, follow
from dev.local_stack.errors import ServerNotReadyError

LOG = Path("logs/scheduler.log")


class Run:
    """A run that reports each of `steps` once, and then finishes or stays there."""

    def __init__(self, steps, *, ends=True):
        self.steps, self.ends, self.at = list(steps), ends, ""

    def progress(self):
        self.at = self.steps.pop(0) if self.steps else self.at
        return self.at

    def finished(self):
        return {"state": "success"} if self.ends and not self.steps else None


@pytest.fixture(autouse=True)
def clock(monkeypatch):
    """Let time pass only in pauses."""
    seconds = [0.0]
    monkeypatch.setattr(catch_up_run.time, "monotonic", lambda: seconds[0])

    def pause(duration):
        seconds[0] += duration

    return pause


def test_progress_is_reported_until_it_is_finished(clock):
    said = []
    assert follow(Run(["1/9 tasks done", "8/9 tasks done"]), said.append, clock, LOG) == {"state": "success"}
    assert said == ["Catching up: 1/9 tasks done", "Catching up: 8/9 tasks done"]


def test_no_progress_for_a_quarter_of_an_hour_is_an_error_that_names_the_log(clock):
    with pytest.raises(ServerNotReadyError, match=r"for 15 minutes \(its run does not exist yet\).*logs/scheduler.log"):
        follow(Run(["its run does not exist yet"], ends=False), [].append, clock, LOG)


class Api:
    """Runs of catch-up with the ends of their data intervals, each with three tasks."""

    def __init__(self, *runs):
        self.rows = [{"dag_run_id": end, "data_interval_end": end, "state": state} for end, state in runs]

    def runs(self, dag_id, **query):
        return self.rows

    def task_instances(self, dag_id, run_id):
        return [{"state": state} for state in ("success", "running", None)]


@pytest.mark.parametrize(
    ("runs", "words"),
    [
        ([], "its run does not exist yet"),
        ([("2026-11-26T12:00:00Z", "success")], "its run does not exist yet"),
        ([("2026-11-26T12:00:00Z", "running")], "1 of 3 tasks done of the run before it"),
        (
            [("2026-11-26T12:00:00Z", "running"), ("2026-11-26T12:05:00Z", "queued")],
            "1 of 3 tasks done of the run before it",
        ),
        ([("2026-11-26T12:00:00Z", "failed"), ("2026-11-26T12:05:00Z", "running")], "1 of 3 tasks done"),
    ],
)
def test_progress_is_that_of_the_unfinished_run(runs, words):
    run = CatchUpRun(Api(*runs), "candle_catch_up", datetime(2026, 11, 26, 12, 5, tzinfo=UTC))
    assert run.progress() == words
    assert run.finished() is None
