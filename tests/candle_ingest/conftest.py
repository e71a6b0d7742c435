import os
import tempfile

import pytest
import yaml
from hypothesis import HealthCheck, settings

from candle_ingest.pipelines import load_pipelines

# A busy machine is no reason to fail, and what passed once passes again: the long form looks for new examples.
LONG = os.environ.get("CANDLE_TESTS") == "long"
settings.register_profile(
    "unhurried",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    derandomize=not LONG,
    max_examples=2_000 if LONG else 100,
)
settings.load_profile("unhurried")

# Airflow is imported below this folder: it keeps its files away from the home of whoever runs the tests.
_airflow_home = tempfile.TemporaryDirectory(prefix="candle-ingest-airflow-")
os.environ["AIRFLOW_HOME"] = _airflow_home.name

PREFIXES = ("AIRFLOW_CONN_", "CANDLE_INGEST_", "INFLUXDB_", "REDIS_")


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch):
    for name in [name for name in os.environ if name.startswith(PREFIXES)]:
        monkeypatch.delenv(name)


@pytest.fixture
def load(tmp_path):
    """Load pipelines from a text, or from a mapping of names to settings."""

    def load(pipelines, **environment):
        path = tmp_path / "candle_ingest.yaml"
        path.write_text(pipelines if isinstance(pipelines, str) else yaml.safe_dump({"pipelines": pipelines}))
        return load_pipelines(path, environment)

    return load
