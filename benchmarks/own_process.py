"""Calls in a process of their own, and the memory that it took."""

import multiprocessing
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")
KB_PER_MB = 1024


def alone(task: Callable[..., T], *arguments: object) -> T:
    """Return what a call returns in a process of its own."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(task, *arguments).result()


def peak_mb() -> float:
    """Return the most memory that was resident in this process.

    From /proc: `getrusage` would also count what the parent had before this process began its own program.
    """
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return int(status.split("VmHWM:")[1].split()[0]) / KB_PER_MB
