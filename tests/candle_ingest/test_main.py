import os
import subprocess
import sys
from typing import Any

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from candle_ingest.__main__ import app

PROGRAM = """
from candle_ingest import __main__ as program
program._log_to_stderr()
import logging
from airflow.sdk.log import mask_secret
mask_secret("abc")  # Airflow warns that it is too short
logging.getLogger("candle_ingest").warning("of ours")
print("the answer")
"""


def test_log_lines_stay_out_of_the_standard_output(tmp_path):
    environment = {**os.environ, "AIRFLOW_HOME": str(tmp_path), "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", PROGRAM]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == "the answer\n"
    assert "too short" in done.stderr
    assert "of ours" in done.stderr


COMMANDS: Any = get_command(app)


@pytest.mark.parametrize("command", [[], *([name] for name in sorted(COMMANDS.commands))], ids=" ".join)
def test_help_shows_switches_without_a_type_and_whole_sentences(command):
    said = CliRunner().invoke(app, [*command, "--help"], env={"COLUMNS": "80", "TERMINAL_WIDTH": "80"}).output
    assert "--help" in said
    assert "<bool>" not in said
    assert "…" not in said
