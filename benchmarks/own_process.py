"""Run calls in separate processes, and measure the memory of such a process."""

import multiprocessing
import os
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")
KB_PER_MB = 1024
# Each of these processes needs it, and it takes seconds: Airflow too forks its tasks after the imports.
PRELOAD = ["benchmarks.workbench"]


def alone(task: Callable[..., T], *arguments: object) -> T:
    """Run a call in a separate process, and return its result."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOAD)
    with ProcessPoolExecutor(1, context) as pool:
        return pool.submit(_with_variables, dict(os.environ), task, *arguments).result()


def _with_variables(variables: dict[str, str], task: Callable[..., T], *arguments: object) -> T:
    """Run a call with the variables of now: the server that forks has those of its start."""
    os.environ.update(variables)
    return task(*arguments)


def peak_mb() -> float:
    """Return the peak resident memory of this process.

    It is read from /proc: `getrusage` would also count the parent's memory before this process began its own program.
    """
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return int(status.split("VmHWM:")[1].split()[0]) / KB_PER_MB
