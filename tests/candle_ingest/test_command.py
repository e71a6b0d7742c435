"""`candle-ingest` as a user calls it."""

import os
import subprocess
from pathlib import Path

import pytest

from candle_ingest.__main__ import app

COMMAND = Path(__file__).parents[2] / "bin" / "candle-ingest"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("folder")


@pytest.fixture(scope="module")
def call(folder):
    """Call the command in an empty folder, without the variables of the tests."""
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "AIRFLOW_HOME": str(folder / "airflow")}

    def run(*argv, **variables):
        return subprocess.run(
            argv, cwd=folder, env={**environment, **variables}, capture_output=True, text=True, check=False
        )

    return run


@pytest.fixture(scope="module")
def help_said(call, folder):
    """Call it once, by a link and with a list of all imports in the standard error: they take seconds."""
    (folder / "linked").symlink_to(COMMAND)
    return call(str(folder / "linked"), "--help", PYTHONPROFILEIMPORTTIME="1")


def test_it_lists_its_commands_wherever_it_is_called(help_said):
    assert help_said.returncode == 0, help_said.stderr
    assert "Usage: candle-ingest" in help_said.stdout
    for command in app.registered_commands:
        assert f" {command.callback.__name__} " in help_said.stdout


def test_a_missing_environment_is_reported_in_one_line(call):
    done = call(str(COMMAND), "status", CANDLE_INGEST_CONFIG="/nowhere.yaml")
    assert (done.returncode, done.stdout) == (2, "")
    assert "/nowhere.yaml" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_help_which_imports_all_commands_does_not_import_ccxt(help_said):
    imported = {line.rsplit("|", 1)[-1].strip() for line in help_said.stderr.splitlines()}
    assert "candle_ingest.exchanges.client" in imported
    assert "ccxt" not in imported


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
