import os

import pytest
import yaml

from candle_ingest.pipelines import load_pipelines

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
