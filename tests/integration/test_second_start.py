"""A `make run` goes on from whatever an earlier one has left, and ends with a complete table."""

from __future__ import annotations

import re

import pytest

from dev.local_stack.waiting import wait_until
from tests.integration.running_stack import RunningStack

pytestmark = [pytest.mark.integration, pytest.mark.second_start]
# These exchanges send a row for each minute, also in an outage: on no date is a table incomplete for a while.
FEW = {"ONCE": "1", "BACKFILL": "2_days_ago", "SYMBOLS": "btcusd", "EXCHANGES": "okx,bybit"}


@pytest.fixture(scope="module")
def stack_folder(tmp_path_factory):
    """The folder of a stack that has run to its end once."""
    made = tmp_path_factory.mktemp("local stack")  # with a space
    run_to_its_end(made)
    return made


def run_to_its_end(folder, **changes):
    """Run it; the table must be complete. Returns the output."""
    options = {**FEW, **changes}
    stack = RunningStack(folder, **options)
    status = stack.end()
    assert status == 0, stack.output
    assert complete_symbols(stack.output) == {name.upper() for name in options["SYMBOLS"].split(",")}, stack.output
    assert "Traceback" not in stack.output
    assert stack.left() == []
    return stack.output


def complete_symbols(output):
    """Return the tickers whose row has as much stored as expected, and nothing quiet or missing."""
    rows = re.findall(r"^ (\w+)/(\w+) +([\d,]+) +([\d,]+) +([\d,]+) +([\d,]+)", output, re.MULTILINE)
    return {
        f"{base}{quote}" for base, quote, stored, expected, *rest in rows if stored == expected and rest == ["0", "0"]
    }


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"SYMBOLS": "ethusd"}, id="other-symbols"),
        pytest.param({"SYMBOLS": "ethusd,btcusd,solusd"}, id="more-symbols"),
        pytest.param({"EXCHANGES": "okx,kraken"}, id="other-exchanges"),
        pytest.param({"BACKFILL": "4_days_ago"}, id="earlier-start"),
        pytest.param({"BACKFILL": "1_days_ago"}, id="later-start"),
        pytest.param({"EXECUTOR": "celery"}, id="other-executor"),
        pytest.param({}, id="nothing-changed"),
    ],
)
def test_a_second_start_with_other_options_gives_a_complete_table(stack_folder, changes):
    run_to_its_end(stack_folder, **changes)


# Other symbols in each case: what is complete already could not be stopped in the middle.
@pytest.mark.parametrize(("stop", "symbols"), [("kill", "ethusd,btcusd"), ("interrupt", "ethusd,solusd")])
def test_a_start_after_one_that_stopped_in_the_backfill_completes_it(stack_folder, stop, symbols):
    longer = {"BACKFILL": "12_days_ago", "SYMBOLS": symbols}
    stopped = RunningStack(stack_folder, **FEW | longer)
    stopped.wait_for(r" [1-9]/12 intervals")
    getattr(stopped, stop)()
    stopped.end()
    wait_until(lambda: stopped.left() == [], "the end of its servers", 30)
    output = run_to_its_end(stack_folder, **longer)
    assert "Ended" in output


def test_a_backfill_that_was_being_made_is_superseded(stack_folder):
    stopped = RunningStack(stack_folder, **FEW | {"EXCHANGES": "okx"})
    stopped.wait_for(r"Rerunning|0/2 intervals")
    stopped.kill()
    stopped.end()
    run_to_its_end(stack_folder, EXCHANGES="bybit")


def test_a_start_without_a_listed_symbol_fails_and_the_next_one_is_complete(tmp_path, redis_server):
    redis_server.client().set("top_cryptocurrencies", '["abcusd"]')
    own = {"REDIS_HOST": redis_server.host, "REDIS_PORT": str(redis_server.port)}
    options = {name: value for name, value in FEW.items() if name != "SYMBOLS"}
    failed = RunningStack(tmp_path, **options | own | {"EXCHANGES": "okx", "REDIS_PASSWORD": redis_server.password})
    assert failed.end() == 1
    said = "validate_symbols failed: No symbols meet the minimum exchange requirement of 1: ABC/USD (from Redis key "
    assert f"{said}'top_cryptocurrencies') on okx [too-few-exchanges]" in failed.output
    last = failed.output.splitlines()[-1]
    assert last.startswith("stack | Candles are missing: ABC/USD ")
    assert last.endswith("2 runs of candle_backfill failed: see the lines above [stack-incomplete]")
    run_to_its_end(tmp_path)


def test_a_start_while_another_runs_is_one_line(stack_folder):
    first = RunningStack(stack_folder, **FEW)
    first.wait_for("Symbols: ")
    second = RunningStack(stack_folder, **FEW)
    assert second.end() == 1
    [line] = second.output.splitlines()
    assert "already runs with" in line
    first.interrupt()
    assert first.end() == 130
