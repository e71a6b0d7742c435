"""`make run`, as a user types it (apart from make): a short history on simulated exchanges, a clean end."""

from __future__ import annotations

import re

import pytest

from tests.integration.running_stack import RunningStack

pytestmark = pytest.mark.integration
# An exchange with markets in USD: no rate is fetched.
FEW = {"ONCE": "1", "BACKFILL": "1_days_ago", "EXCHANGES": "coinbaseexchange"}


@pytest.fixture(scope="module")
def stack_folder(tmp_path_factory):
    """One folder for all: Airflow's database is prepared by the first start only, which takes 10 seconds of CPU."""
    return tmp_path_factory.mktemp("stack")


@pytest.fixture
def run_stack(stack_folder):
    """Run it to its end with these variables; returns exit status, output and what it left running."""

    def run(**variables):
        stack = RunningStack(stack_folder, **variables)
        return stack.end(), stack.output, stack.left()

    return run


def test_celery_workers_store_what_is_listed_and_name_what_is_not(run_stack):
    status, output, left = run_stack(**FEW, EXECUTOR="celery", SYMBOLS="ethusd,abcusd")
    assert status == 1, output
    assert "SIMULATED data" in output
    assert "ABC/USD is listed by none of coinbaseexchange" in output.partition("Starting PostgreSQL on 127.0.0.1")[0]
    assert "Starting PostgreSQL on 127.0.0.1" in output
    assert "1/1 interval," in output
    # The other is complete: it is in the table, and not in this line.
    assert "ETH/USD" in output
    missing = r"stack \| Candles are missing: ABC/USD [\d,]+\. ABC/USD: too few exchanges list it; check its spelling, "
    assert re.fullmatch(missing + r".* \[stack-incomplete\]", output.splitlines()[-1])
    assert left == []


def test_a_busy_port_that_was_asked_for_is_one_line(run_stack, redis_server):
    status, output, left = run_stack(LOCAL_REDIS_PORT=str(redis_server.port))
    assert status == 1
    assert f"Port {redis_server.port} for Redis is busy" in output.splitlines()[-1]
    assert "Traceback" not in output
    assert left == []


def test_a_list_without_a_symbol_ends_the_start_with_its_key(run_stack, redis_server):
    redis_server.client().set("top_cryptocurrencies", '["bitcoin", "?"]')
    own = {"REDIS_HOST": redis_server.host, "REDIS_PORT": str(redis_server.port)}
    status, output, left = run_stack(**FEW, **own, REDIS_PASSWORD=redis_server.password)
    assert (status, left) == (1, [])
    key = "Redis key 'top_cryptocurrencies' holds no valid symbol, only 'bitcoin', '?'; expected a JSON"
    last = output.splitlines()[-1]
    assert last.startswith(f"stack | {key}")
    assert last.endswith(" [symbol-list-unusable]")
    assert "Error:" not in last
    assert "Airflow is ready" not in output
