import os
import subprocess
import sys

import pytest

from dev.local_stack.airflow_processes import REPOSITORY


def test_its_first_line_does_not_wait_for_an_import_of_airflow():
    program = "import sys, dev.local_stack.__main__; print('airflow' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"ONCE": "maybe"}, "ONCE is 'maybe'; allowed is 1 or 0. [make-variable]"),
        ({"EXCHANGES": "gemini"}, "Or use the real exchanges with MARKET=live. [make-variable]"),
    ],
)
def test_an_error_is_one_line_that_ends_with_its_name(tmp_path, variables, message):
    environment = {**os.environ, "LOCAL_STACK_FOLDER": str(tmp_path), "COLUMNS": "80", **variables}
    command = [sys.executable, "-m", "dev.local_stack", "plan"]
    ended = subprocess.run(command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert ended.stdout.splitlines()[-1].endswith(message)
    assert ended.stderr == ""


def test_a_plan_of_simulated_data_says_so_once_and_asks_no_real_exchange(tmp_path):
    few = {"BACKFILL": "1_days_ago", "SYMBOLS": "btcusd", "EXCHANGES": "binance"}
    environment = {**os.environ, "LOCAL_STACK_FOLDER": str(tmp_path), **few}
    command = [sys.executable, "-m", "dev.local_stack", "plan"]
    ended = subprocess.run(command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    assert (ended.stdout + ended.stderr).count("SIMULATED") == 1
    assert "bitstamp, rates" in ended.stdout
    assert "unreachable" not in ended.stdout + ended.stderr
