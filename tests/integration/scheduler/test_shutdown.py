"""Ending Airflow ends all its processes."""

from __future__ import annotations

import psutil
import pytest

pytestmark = pytest.mark.integration


def test_no_process_of_airflow_is_left(airflow):
    """Last in this folder: it stops Airflow."""
    roots = [psutil.Process(server.pid) for server in airflow.running.values()]
    family = [process for root in roots for process in [root, *root.children(recursive=True)]]
    airflow.stop()
    assert [process for process in family if process.is_running()] == []
