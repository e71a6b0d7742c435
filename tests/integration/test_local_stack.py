"""`make run`, as a user types it (apart from make): a short history on simulated exchanges, a clean end."""

from __future__ import annotations

import pytest

from tests.integration.running_stack import RunningStack

pytestmark = pytest.mark.integration


@pytest.fixture
def run_stack(tmp_path):
    """Run it to its end with these variables; returns exit status, output and what it left running."""

    def run(**variables):
        stack = RunningStack(tmp_path, **variables)
        return stack.end(), stack.output, stack.left()

    return run


def test_two_days_are_stored_and_nothing_is_left(run_stack):
    status, output, left = run_stack(ONCE="1", BACKFILL="2_days_ago", SYMBOLS="btcusd,ethusd")
    assert status == 0, output
    assert "SIMULATED data" in output
    assert "2/2 intervals" in output
    assert "BTC/USD" in output
    assert "All is stored" in output
    assert left == []


def test_celery_workers_store_a_day_and_nothing_is_left(run_stack):
    few = {"BACKFILL": "1_days_ago", "SYMBOLS": "btcusd", "EXCHANGES": "binance"}
    status, output, left = run_stack(EXECUTOR="celery", ONCE="1", **few)
    assert status == 0, output
    assert "Starting PostgreSQL on 127.0.0.1" in output
    assert "1/1 interval," in output
    assert "All is stored" in output
    assert left == []


def test_a_busy_port_that_was_asked_for_is_one_line(run_stack, redis_server):
    status, output, left = run_stack(LOCAL_REDIS_PORT=str(redis_server.port))
    assert status == 1
    assert f"Port {redis_server.port} for Redis is busy" in output.splitlines()[-1]
    assert "Traceback" not in output
    assert left == []
