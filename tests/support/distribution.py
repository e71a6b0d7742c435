"""Which tests share a worker of pytest-xdist, and which begin first."""

from __future__ import annotations

from pathlib import PurePosixPath

import pytest
from xdist.remote import Producer
from xdist.scheduler.loadfile import LoadFileScheduling

# The files of one of these folders share what takes long to make: an Airflow, or days that are filled.
SHARING_FOLDERS = ("tests/integration/web", "tests/integration/scheduler", "tests/integration/terminal")
# Files whose tests share nothing but servers, of which each worker has its own, and take minutes together.
SPLIT_FILES = ("tests/faults/test_faults.py",)
# Most tests of these folders start no process.
MOMENTS = ("tests/candle_ingest", "tests/dev/exchange_simulator", "tests/exchanges_recorded")
# Files and folders that take minutes, the longest first.
LONGEST = (
    "web", "scheduler", "test_live_week", "test_local_stack", "test_settlement_cases",
    "test_benchmarks_run", "test_doctor", "test_steps", "test_repair",
)  # fmt: skip


def group_of(nodeid: str) -> str:
    """Return what a test shares its worker with: the folder, the file, or only itself."""
    file = PurePosixPath(nodeid.split("::")[0])
    if str(file) in SPLIT_FILES:
        return nodeid
    return str(file.parent if str(file.parent) in SHARING_FOLDERS else file)


def place(nodeid: str) -> tuple[int, bool]:
    """Return where a test comes: what takes minutes first, what takes moments last."""
    name = PurePosixPath(group_of(nodeid)).stem
    return [*LONGEST, name].index(name), nodeid.startswith(MOMENTS)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes minutes: otherwise one worker would still be busy when the others are done."""
    items.sort(key=lambda item: place(item.nodeid))


class SharedServers(LoadFileScheduling):
    """Gives all tests that share servers to one worker."""

    def _split_scope(self, nodeid: str) -> str:
        return group_of(nodeid)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> SharedServers:
    """Distribute by what the tests share (the groups of pytest-xdist 3.8 do not work with pytest 9)."""
    return SharedServers(config, log)
