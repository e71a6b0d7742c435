import json
import subprocess
import sys
from pathlib import Path

import pytest

PLUGINS = Path(__file__).parents[2] / "plugins"
PARSER, PAGE = "dag-processor with LocalExecutor", "api-server with LocalExecutor"
LOCAL, CELERY = "scheduler with LocalExecutor", "scheduler with CeleryExecutor"
# Each process is forked from one that has imported what Airflow itself has imported when it loads plugins.
LOAD = """
import json, os, sys
from multiprocessing import get_context
import airflow.plugins_manager

heavy = ("fastapi", "plotly", "ccxt", "candle_ingest.web", "candle_ingest.pipelines", "influxdb_client")
processes = sys.argv[1:]

def load(process):
    sys.argv[1], os.environ["AIRFLOW__CORE__EXECUTOR"] = process.split(" with ")
    import candle_ingest_plugin
    return [name for name in heavy if name in sys.modules]

with get_context("fork").Pool(1, maxtasksperchild=1) as pool:
    print(json.dumps(dict(zip(processes, pool.map(load, processes, chunksize=1)))))
"""


@pytest.fixture(scope="module")
def loaded() -> dict[str, list[str]]:
    """What each process of Airflow has imported after loading its plugins, by its name and its executor."""
    command = [sys.executable, "-c", LOAD, PARSER, PAGE, LOCAL, CELERY]
    ran = subprocess.run(command, cwd=PLUGINS, capture_output=True, text=True, check=True)
    return json.loads(ran.stdout.splitlines()[-1])


@pytest.mark.parametrize("process", [PARSER, CELERY])
def test_a_process_that_serves_no_page_and_runs_no_task_imports_neither(loaded, process):
    assert loaded[process] == []


def test_the_api_server_imports_the_page_at_its_start_and_nothing_of_the_tasks(loaded):
    assert "candle_ingest.web" in loaded[PAGE]
    assert "ccxt" not in loaded[PAGE]


def test_the_scheduler_imports_ccxt_before_it_forks_the_tasks(loaded):
    assert "ccxt" in loaded[LOCAL]
