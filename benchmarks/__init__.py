"""Speed, memory and completeness, measured on real servers."""

import sys
from pathlib import Path

# Airflow puts the folder of plugins on the path; here nobody else does.
PLUGINS = Path(__file__).resolve().parents[1] / "plugins"
if str(PLUGINS) not in sys.path:
    sys.path.append(str(PLUGINS))
