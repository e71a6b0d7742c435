"""`candle-ingest` as a user calls it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from candle_ingest.__main__ import app

COMMAND = Path(__file__).parents[2] / "bin" / "candle-ingest"


@pytest.fixture
def call(tmp_path):
    """Call the command in an empty folder, without the variables of the tests."""
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "AIRFLOW_HOME": str(tmp_path / "airflow")}

    def run(*argv, **variables):
        return subprocess.run(
            argv, cwd=tmp_path, env={**environment, **variables}, capture_output=True, text=True, check=False
        )

    return run


def test_it_lists_its_commands_wherever_it_is_called(call, tmp_path):
    (tmp_path / "linked").symlink_to(COMMAND)
    done = call(str(tmp_path / "linked"), "--help")
    assert done.returncode == 0, done.stderr
    assert "Usage: candle-ingest" in done.stdout
    for command in app.registered_commands:
        assert f" {command.callback.__name__} " in done.stdout


def test_a_missing_environment_is_reported_in_one_line(call):
    done = call(str(COMMAND), "status", CANDLE_INGEST_CONFIG="/nowhere.yaml")
    assert (done.returncode, done.stdout) == (2, "")
    assert "/nowhere.yaml" in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("command", ["status", "retry", "--help"])
def test_help_and_commands_that_ask_no_exchange_do_not_import_ccxt(call, command):
    program = f"import sys; sys.argv[1:] = ['{command}']; import candle_ingest.__main__; print('ccxt' in sys.modules)"
    done = call(sys.executable, "-c", program, PYTHONPATH=str(COMMAND.parents[1] / "plugins"))
    assert done.stdout.splitlines()[-1:] == ["False"], done.stderr


def test_in_an_image_it_uses_the_python_on_the_path(call, tmp_path):
    programs, project = tmp_path / "programs", tmp_path / "project"
    (project / "bin").mkdir(parents=True)
    programs.mkdir()
    (project / "bin" / "candle-ingest").write_bytes(COMMAND.read_bytes())
    (programs / "python").write_text('#!/bin/sh\necho "$PYTHONPATH $*"\n')
    for file in (project / "bin" / "candle-ingest", programs / "python"):
        file.chmod(0o755)
    done = call("candle-ingest", "status", PATH=f"{project / 'bin'}:{programs}:{os.environ['PATH']}")
    assert done.stdout == f"{project}/plugins -m candle_ingest status\n"
