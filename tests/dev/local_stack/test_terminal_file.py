import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from dev.local_stack.airflow_processes import REPOSITORY, AirflowProcesses
from dev.local_stack.generated_secrets import GeneratedSecrets
from dev.local_stack.options import StackOptions
from dev.local_stack.terminal_file import terminal_file, write_terminal_file

# Prints the exit status of each command and what it wrote to the standard error.
ALL_COMMANDS = """
import contextlib, io, json, sys
from candle_ingest.__main__ import run_command
said = []
for command in ("status", "exchanges", "plan --symbols btcusd", "doctor"):
    sys.argv[1:] = command.split()
    with contextlib.redirect_stderr(io.StringIO()) as text:
        try:
            run_command()
        except SystemExit as ended:
            said.append((ended.code, text.getvalue()))
print(json.dumps(said))
"""


@pytest.fixture
def write(tmp_path):
    """Write the file of a stack with this environment."""

    def make(title="candle-ingest", **inherited):
        airflow = AirflowProcesses(
            home=tmp_path / "a home",
            port=1,
            database_url="postgresql+psycopg2://airflow:it's@127.0.0.1:1/airflow",
            secrets=GeneratedSecrets.generate(),
            inherited=inherited,
            title=title,
        )
        stack = SimpleNamespace(folder=tmp_path, airflow=airflow, options=StackOptions(symbols=("btcusd",)))
        write_terminal_file(stack)
        return terminal_file(stack)

    return make


def in_shell(file, command):
    done = subprocess.run(["sh", "-c", f". '{file}'; {command}"], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_a_shell_knows_the_pipeline_afterwards_whatever_is_in_its_settings(write, tmp_path):
    file = write(CANDLE_INGEST_EXCHANGES="it's $HOME", CANDLE_INGEST_CONFIG="/x y")
    assert in_shell(file, 'echo "$CANDLE_INGEST_EXCHANGES|$CANDLE_INGEST_CONFIG"') == "it's $HOME|/x y"
    assert in_shell(file, 'echo "$AIRFLOW_HOME"') == str(tmp_path / "a home")
    assert in_shell(file, 'echo "$AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"').endswith("://airflow:it's@127.0.0.1:1/airflow")


def test_a_shell_knows_afterwards_that_the_data_of_every_pipeline_is_simulated(write):
    file = write("candle-ingest (SIMULATED data)", INFLUXDB_BUCKET="candles_simulated")
    assert in_shell(file, 'echo "$INFLUXDB_BUCKET"') == "candles_simulated"
    assert in_shell(file, 'echo "$AIRFLOW__API__INSTANCE_NAME"') == "candle-ingest (SIMULATED data)"


def test_a_shell_finds_the_command_afterwards(write):
    assert in_shell(write(), "command -v candle-ingest") == str(REPOSITORY / "bin" / "candle-ingest")


def test_a_shell_finds_the_airflow_of_this_python_afterwards(write):
    assert in_shell(write(), "command -v airflow") == str(Path(sys.executable).parent / "airflow")


def test_beside_a_stopped_stack_commands_say_how_to_start_it(write):
    """In one process, as importing Airflow takes seconds."""
    command = f"""PYTHONPATH="{REPOSITORY / "plugins"}" exec '{sys.executable}' -c '{ALL_COMMANDS}'"""
    done = subprocess.run(["sh", "-c", f". '{write()}'; {command}"], capture_output=True, text=True, check=True)
    said = json.loads(done.stdout.splitlines()[-1])
    assert len(said) == 4
    for status, text in said:
        assert status == 3, text
        assert_says_how_to_start(text)


def assert_says_how_to_start(text):
    assert text.startswith("the local stack is stopped: Airflow's database at 127.0.0.1:1 does not answer.")
    assert "Start it with `make run SYMBOLS=btcusd`" in text
    assert text.strip().endswith("[local-stack-not-ready]")


def test_only_its_owner_can_read_it_and_it_contains_only_what_is_needed(write):
    file = write(SOMETHING="else", AIRFLOW__CORE__EXECUTOR="CeleryExecutor")
    assert file.stat().st_mode & 0o077 == 0
    assert "SOMETHING" not in file.read_text()
    assert "JWT" not in file.read_text()
