"""What holds for all tests."""

from __future__ import annotations

import gc
import os
import tempfile

import pytest
from hypothesis import HealthCheck, settings

from tests.support.distribution import pytest_collection_modifyitems, pytest_xdist_make_scheduler
from tests.support.part_times import PartTimes

__all__ = ["pytest_collection_modifyitems", "pytest_xdist_make_scheduler"]
LONG = os.environ.get("CANDLE_TESTS") == "long"
# A busy machine is no reason to fail, and what passed once passes again: the long form looks for new examples.
settings.register_profile(
    "unhurried",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    derandomize=not LONG,
    max_examples=2_000 if LONG else 60,
)
settings.load_profile("unhurried")
# Set before anything imports Airflow, which would otherwise write into the home folder of the user.
_airflow_home = tempfile.TemporaryDirectory(prefix="candle-ingest-airflow-")
os.environ["AIRFLOW_HOME"] = _airflow_home.name
# Thousands of tests and Airflow's modules live until the end: the collector would search them over and over.
gc.disable()
OBJECTS_BETWEEN_COLLECTIONS = 100_000


def pytest_configure(config: pytest.Config) -> None:
    """Let InfluxDB, which answers thousands of small queries, collect its garbage less often: a sixth of its CPU."""
    os.environ.setdefault("GOGC", "400")
    config.pluginmanager.register(PartTimes())


def pytest_collection_finish() -> None:
    """Collect garbage from here on, but only of what the tests make."""
    gc.freeze()
    gc.set_threshold(OBJECTS_BETWEEN_COLLECTIONS)
    gc.enable()
