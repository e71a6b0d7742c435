"""Each final day is announced once: also where the task that does it is killed, or two of them end at once."""

import pytest

from candle_ingest.candles.window import DAY_MS
from candle_ingest.ledger.task_instance_ref import TaskInstanceRef
from candle_ingest.merging.announcements import events
from candle_ingest.planning.plan import Plan
from candle_ingest.planning.run import make_run
from tests.integration.steps import DAY, run_steps

pytestmark = pytest.mark.integration
NOW_MS = DAY.end_ms + DAY_MS


class Announcers:
    """Runs of the pipeline that have come to their last step; `states` is what Airflow knows of them."""

    def __init__(self, settings):
        self._settings = settings
        self.states: dict[str, str | None] = {}
        self.sent: dict[str, list[dict]] = {}

    def days(self, run_id: str) -> list[str]:
        self.states[run_id] = "running"
        recorder = TaskInstanceRef(dag_id="candle_repair", run_id=run_id)
        run = make_run(self._settings, "repair", {}, None, DAY.start_ms, NOW_MS, recorder)
        found = events(
            run,
            Plan(tickers=[], batches=[], end_ms=NOW_MS),
            {},
            lambda _, other: self.states.get(other, "unknown"),
            lambda since_ms: self.sent.get(run_id, []) if since_ms <= NOW_MS else [],
        )
        self._last = found
        return [day["day"] for event in found for day in event["days"]]

    def succeed(self, run_id: str) -> None:
        """Let the run that was asked last succeed: Airflow keeps its events."""
        self.states[run_id] = "success"
        self.sent[run_id] = self._last


@pytest.fixture
def announcers(make_settings, exchanges):
    """A day that is final and not announced."""
    exchanges.set_clock(NOW_MS)
    settings = make_settings(("binance", "kucoin"), quote_conversion="par")
    result = run_steps(settings, "backfill", DAY, NOW_MS, origin_ms=DAY.start_ms, announce=False)
    assert result.written == {"BTC/USD": 1440}
    return Announcers(settings)


def test_a_day_is_announced_by_one_of_two_runs_that_end_at_once(announcers):
    assert announcers.days("one") == ["2026-03-10"]
    assert announcers.days("other") == []


def test_a_killed_task_announces_its_days_again_at_its_next_try(announcers):
    assert announcers.days("one") == ["2026-03-10"]
    announcers.states["one"] = "up_for_retry"
    assert announcers.days("other") == []
    assert announcers.days("one") == ["2026-03-10"]


@pytest.mark.parametrize("state", ["failed", "unknown"])
def test_another_run_announces_what_a_run_that_failed_has_not(announcers, state):
    assert announcers.days("one") == ["2026-03-10"]
    announcers.states["one"] = state
    assert announcers.days("other") == ["2026-03-10"]


def test_a_day_that_was_announced_is_never_announced_again(announcers):
    assert announcers.days("one") == ["2026-03-10"]
    announcers.states["one"] = "success"
    assert [announcers.days(run_id) for run_id in ("other", "one", "third")] == [[], [], []]


def test_a_run_that_succeeded_and_is_cleared_at_once_announces_nothing_again(announcers):
    assert announcers.days("one") == ["2026-03-10"]
    announcers.succeed("one")
    assert [announcers.days(run_id) for run_id in ("one", "other", "one")] == [[], [], []]
