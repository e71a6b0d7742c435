import subprocess
import sys
from pathlib import Path

PLUGINS = Path(__file__).parents[2] / "plugins"
LOAD = """
import sys
import candle_ingest_plugin
heavy = ("fastapi", "plotly", "ccxt", "candle_ingest.page", "candle_ingest.settings", "influxdb_client")
before = set(name for name in heavy if name in sys.modules)
print(sorted(before))
"""


def test_a_process_that_serves_no_page_does_not_import_it():
    ran = subprocess.run([sys.executable, "-c", LOAD], cwd=PLUGINS, capture_output=True, text=True, check=True)
    assert ran.stdout.splitlines()[-1] == "[]"
