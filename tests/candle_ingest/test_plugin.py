import subprocess
import sys
from pathlib import Path

PLUGINS = Path(__file__).parents[2] / "plugins"
LOAD = """
import sys
import candle_ingest_plugin
heavy = ("fastapi", "plotly", "ccxt", "candle_ingest.web", "candle_ingest.pipelines", "influxdb_client")
print(*[name for name in heavy if name in sys.modules])
"""


def loaded(*arguments):
    """Return what an Airflow process has imported after loading its plugins."""
    command = [sys.executable, "-c", LOAD, *arguments]
    ran = subprocess.run(command, cwd=PLUGINS, capture_output=True, text=True, check=True)
    return ran.stdout.splitlines()[-1].split()


def test_a_process_that_serves_no_page_and_runs_no_task_imports_neither():
    assert loaded("dag-processor") == []


def test_the_api_server_imports_the_page_at_its_start_and_nothing_of_the_tasks():
    found = loaded("api-server")
    assert "candle_ingest.web" in found
    assert "ccxt" not in found


def test_the_scheduler_imports_ccxt_before_it_forks_the_tasks():
    assert "ccxt" in loaded("scheduler")
