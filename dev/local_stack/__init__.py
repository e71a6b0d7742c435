"""Redis, InfluxDB, Airflow and the exchange simulator on one machine, in the foreground of one terminal."""

import sys
from pathlib import Path

# The package lives in Airflow's plugins folder, which Airflow adds to the path of its own processes only.
sys.path.append(str(Path(__file__).resolve().parents[2] / "plugins"))
