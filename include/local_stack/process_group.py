"""End a process that was started in a session of its own, with everything that it started."""

from __future__ import annotations

import os
import signal
import subprocess

import psutil

_TERM_SECONDS = 15.0


def descendants(pid: int) -> list[psutil.Process]:
    """The process `pid` and all that it started, also those in process groups of their own."""
    try:
        process = psutil.Process(pid)
        return [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def stop_group(process: subprocess.Popen[bytes], term_seconds: float = _TERM_SECONDS) -> None:
    """Ask the group of `process` to end, wait, then kill what is left of it and of its descendants.

    Airflow's tasks run in groups of their own, so the group alone would leave orphans.
    """
    family = descendants(process.pid)
    signal_group(process.pid, signal.SIGTERM)
    try:
        process.wait(term_seconds)
    except subprocess.TimeoutExpired:
        signal_group(process.pid, signal.SIGKILL)
    kill_survivors(family)
    process.wait()


def signal_group(group: int, number: signal.Signals) -> None:
    """Send a signal to a process group; no group left is fine."""
    try:
        os.killpg(group, number)
    except ProcessLookupError:
        return


def kill_survivors(family: list[psutil.Process], grace_seconds: float = 2.0) -> None:
    """Kill those of `family` that still run. psutil compares start times, so a reused pid is never hit."""
    _, alive = psutil.wait_procs(family, timeout=grace_seconds)
    for process in alive:
        try:
            process.kill()
        except psutil.NoSuchProcess:
            continue
    psutil.wait_procs(alive, timeout=grace_seconds)
