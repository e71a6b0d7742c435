"""The memory of Airflow's long-lived processes."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import suppress
from typing import NamedTuple

import psutil

from dev.local_stack.process_session import session_members
from tests.integration.servers.running_server import RunningServer

# Younger ones may be tasks.
LONG_LIVED_SECONDS = 90


class Memory(NamedTuple):
    """Resident memory of one server: of its main process, and of all its long-lived processes."""

    main_mb: float
    all_mb: float
    processes: int


def measure(running: Mapping[str, RunningServer]) -> dict[str, Memory]:
    """Return the memory by server name. Pages shared by a forked process and its parent count for both."""
    return {name: _memory(server.pid) for name, server in running.items()}


def _memory(leader: int) -> Memory:
    sizes, oldest = [], time.time() - LONG_LIVED_SECONDS
    for process in session_members(leader):
        with suppress(psutil.NoSuchProcess):
            if process.create_time() <= oldest or process.pid == leader:
                sizes.append((process.pid != leader, process.memory_info().rss / 2**20))
    sizes.sort()
    return Memory(sizes[0][1], sum(size for _, size in sizes), len(sizes))
