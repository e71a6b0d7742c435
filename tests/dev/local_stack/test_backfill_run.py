from datetime import UTC, datetime

import pytest

from dev.local_stack.backfill_run import BackfillRun, RerunCounts
from dev.local_stack.options import StackOptions
from dev.local_stack.pipeline import BackfillPlan

OPTIONS = StackOptions()


class Runs:
    """Airflow's runs of one DAG, by day of November and state; a backfill is known by its size only."""

    def __init__(self, states):
        self.states = states

    def count_runs(self, dag_id, **query):
        first, last = (query.get(name) for name in ("logical_date_gte", "logical_date_lte"))
        return sum(first is None or first <= f"2026-11-{day:02}" + first[10:] <= last for day in self.states)

    def runs(self, dag_id, **query):
        first, last = query["logical_date_gte"], query["logical_date_lte"]
        return [{"dag_run_id": day} for day in self.states if first <= f"2026-11-{day:02}" + first[10:] <= last]

    def delete_run(self, dag_id, run_id):
        del self.states[run_id]

    def backfill_size(self, body):
        first, last = (datetime.fromisoformat(body[name]).day for name in ("from_date", "to_date"))
        assert body["reprocess_behavior"] == "failed"
        return sum(self.states.get(day) in (None, "failed") for day in range(first, last + 1))

    def create_backfill(self, body):
        self.made = body

    def set_paused(self, dag_id, *, paused):
        self.paused = paused


@pytest.fixture
def start(tmp_path):
    """`start(states, days)`: how many earlier intervals are rerun for a history that begins on the 2nd."""

    def run(states, days, **earlier):
        plan = BackfillPlan(
            start=datetime(2026, 11, 2, tzinfo=UTC),
            last_interval_start=datetime(2026, 11, 1 + days, tzinfo=UTC),
            end=datetime(2026, 11, 2 + days, tzinfo=UTC),
            interval_count=days,
        )
        remembered = tmp_path / "last_run.json"
        if earlier:
            BackfillRun(Runs({}), "candle_backfill", plan).start(StackOptions(**earlier), remembered)
        return BackfillRun(Runs(states), "candle_backfill", plan).start(OPTIONS, remembered)

    return run


def test_new_intervals_do_not_count_as_rerun(start):
    states = {8: "success", 9: "failed"}
    assert start(states, 8, symbols=OPTIONS.symbols) == RerunCounts(failed=1)


def test_other_symbols_rerun_all_earlier_intervals_and_no_more(start):
    assert start({8: "success", 9: "success"}, 8, symbols=("xrpusd",)) == RerunCounts(changed=2)


def test_runs_outside_the_history_do_not_count(start):
    states = {1: "success", 8: "failed"}
    assert start(states, 8, symbols=("xrpusd",)) == RerunCounts(changed=1)
    assert states == {1: "success"}


def test_intervals_of_unknown_symbols_are_rerun(start):
    assert start({8: "success"}, 8) == RerunCounts(unknown=1)


@pytest.mark.parametrize(
    ("reruns", "sentence"),
    [
        (RerunCounts(), ""),
        (RerunCounts(failed=1), "Rerunning 1 interval that failed"),
        (RerunCounts(changed=2), "Rerunning 2 intervals whose symbols or exchanges have changed"),
        (
            RerunCounts(failed=1, changed=2),
            "Rerunning 1 interval that failed and 2 intervals whose symbols or exchanges have changed",
        ),
        (RerunCounts(unknown=2), "Rerunning 2 intervals whose earlier symbols and exchanges are not known"),
    ],
)
def test_earlier_intervals_are_counted_by_the_reason_for_their_rerun(reruns, sentence):
    assert reruns.sentence == sentence
