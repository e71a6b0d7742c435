"""How long each part of the tests took, at the end of the output."""

from __future__ import annotations

from collections import defaultdict
from pathlib import PurePosixPath

import pytest

# The folders in it are parts of their own.
WITH_SERVERS = "tests/integration"


class PartTimes:
    """Adds up the seconds of tests, their fixtures included, by the folder that they are in."""

    def __init__(self) -> None:
        self.seconds: defaultdict[str, float] = defaultdict(float)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.seconds[part_of(report.nodeid)] += report.duration

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        terminalreporter.section("seconds of each part, of all workers together")
        for part, seconds in sorted(self.seconds.items(), key=lambda entry: -entry[1]):
            terminalreporter.write_line(f"{seconds:7.0f} s  {part}")


def part_of(nodeid: str) -> str:
    """Return the folder of a test, `tests/candle_ingest`; of those with servers `tests/integration/web` too."""
    folder = PurePosixPath(nodeid.split("::")[0]).parent
    depth = 3 if folder.is_relative_to(WITH_SERVERS) else 2
    return str(PurePosixPath(*folder.parts[:depth]))
