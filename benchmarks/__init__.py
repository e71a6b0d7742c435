"""Speed, memory and completeness, measured on real servers."""

import sys
from pathlib import Path

# Airflow puts its plugins folder on the path; benchmarks run outside Airflow.
PLUGINS = Path(__file__).resolve().parents[1] / "plugins"
if str(PLUGINS) not in sys.path:
    sys.path.append(str(PLUGINS))
