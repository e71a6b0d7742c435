"""Run calls in separate processes, and measure the memory of such a process."""

import multiprocessing
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")
KB_PER_MB = 1024


def alone(task: Callable[..., T], *arguments: object) -> T:
    """Run a call in a separate process, and return its result."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(task, *arguments).result()


def peak_mb() -> float:
    """Return the peak resident memory of this process.

    It is read from /proc: `getrusage` would also count the parent's memory before this process began its own program.
    """
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return int(status.split("VmHWM:")[1].split()[0]) / KB_PER_MB
