"""What holds for all tests."""

from __future__ import annotations

import os


def pytest_configure() -> None:
    """Let InfluxDB, which answers thousands of small queries, collect its garbage less often: a sixth of its CPU."""
    os.environ.setdefault("GOGC", "400")
