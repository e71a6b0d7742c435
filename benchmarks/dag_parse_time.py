"""Parsing the DAG file: what a task process does first, and the DAG processor all the time."""

import subprocess
import sys
from pathlib import Path

from benchmarks.figures import repeat
from benchmarks.result import Result, at_most
from benchmarks.workbench import Workbench

ROOT = Path(__file__).resolve().parents[1]
# In a fresh process: first what every DAG file imports, then ours.
_SCRIPT = """
import runpy, time
from airflow.sdk import dag, task
start = time.process_time()
runpy.run_path("dags/candle_dags.py")
print(time.process_time() - start)
"""


def dag_parse_time(bench: Workbench) -> Result:
    """Measure the parse time in a process that has not imported the package before."""
    return Result(
        name="dag_parse",
        what="parsing dags/candle_dags.py in a fresh process, seconds of CPU above `from airflow.sdk import dag, task`",
        figures=repeat(_parse_seconds, bench.repetitions(9, 1)),
        unit="s",
        target=at_most(0.15),
    )


def _parse_seconds() -> float:
    answer = subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-c", _SCRIPT], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60
    )
    return float(answer.stdout.split()[-1])
