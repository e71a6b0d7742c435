import time

import pytest

from candle_ingest.candles.window import DAY_MS, Window
from candle_ingest.errors import TemporaryError
from candle_ingest.planning.run import Run
from candle_ingest.planning.run_kind import run_kind
from candle_ingest.planning.settling import wait_until_settled
from candle_ingest.settings import PipelineSettings

INTERVAL = Window(0, DAY_MS)


@pytest.fixture
def slept(monkeypatch):
    """The waits, in seconds."""
    found = []
    monkeypatch.setattr(time, "sleep", found.append)
    return found


def run(now_ms, kind="backfill", end_ms=None, interval=INTERVAL):
    return Run(
        settings=PipelineSettings(name="candle", settle_seconds=10),
        kind=run_kind(kind),
        interval=interval,
        start_ms=None,
        end_ms=end_ms,
        symbols=(),
        refetch=False,
        origin_ms=None,
        now_ms=now_ms,
    )


def test_a_run_long_after_its_interval_waits_for_nothing(slept):
    assert wait_until_settled(run(2 * DAY_MS)) == run(2 * DAY_MS)
    assert slept == []


@pytest.mark.parametrize("kind", ["backfill", "catch_up"])
def test_the_last_candle_is_given_time_to_settle(slept, kind):
    ready = wait_until_settled(run(DAY_MS + 4_000, kind))
    assert slept == [6.0]
    assert ready.closed_ms == DAY_MS


def test_a_clock_that_is_a_little_behind_does_not_cut_the_end_off_a_backfill(slept):
    assert wait_until_settled(run(DAY_MS - 2_000)).backfill_window() == INTERVAL
    assert slept == [12.0]


def test_a_clock_that_is_far_behind_fails_a_backfill(slept):
    with pytest.raises(
        TemporaryError, match=r"interval ends at 1970-01-02T00:00Z, .* synchronise this machine.s clock"
    ):
        wait_until_settled(run(DAY_MS - 3_600_000))
    assert slept == []


@pytest.mark.parametrize("changes", [{"kind": "catch_up"}, {"end_ms": DAY_MS}, {"interval": None}])
def test_a_run_that_continues_later_or_names_an_end_does_not_wait(slept, changes):
    early = run(DAY_MS - 3_600_000, **changes)
    assert wait_until_settled(early) == early
    assert slept == []
