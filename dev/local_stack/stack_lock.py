"""Let only one run of the local stack use a folder: two runs would destroy each other's files."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from dev.local_stack.errors import StackRunningError

_OWNER_FILE = "running.pid"
# Servers of a run that was killed are ended within seconds by the reaper.
_WAIT_SECONDS = 60
_POLL_SECONDS = 0.2
# Programs that lock their files. All others may run twice.
_LOCKING_PROGRAMS = ("influxd", "postgres")


@contextmanager
def only_run(folder: Path, say: Callable[[str], None]) -> Iterator[None]:
    """Hold `folder` for as long as the block lasts. Raises LocalStackError when another run does.

    The lock is on the folder itself. The kernel releases it when its last holder ends: this process and those
    that it has forked.
    """
    handle = os.open(folder, os.O_RDONLY)
    try:
        _lock(handle, folder, say)
        _end_leftovers(folder)
        (folder / _OWNER_FILE).write_text(str(os.getpid()))
        yield
    finally:
        os.close(handle)


def _lock(handle: int, folder: Path, say: Callable[[str], None]) -> None:
    deadline = time.monotonic() + _WAIT_SECONDS
    has_said = False
    while not _try_lock(handle):
        owner = _owner(folder)
        if owner is not None and psutil.pid_exists(owner):
            raise StackRunningError(
                f"The local stack already runs with {folder} (process {owner}): "
                "stop it first (Ctrl-C in its terminal), or choose another folder with LOCAL_STACK_FOLDER."
            )
        if time.monotonic() > deadline:
            raise StackRunningError(f"Processes of a run that was killed still use {folder}: end them first.")
        if not has_said:
            say("Waiting for the processes of a run that was killed")
            has_said = True
        time.sleep(_POLL_SECONDS)


def _try_lock(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _owner(folder: Path) -> int | None:
    try:
        return int((folder / _OWNER_FILE).read_text())
    except (FileNotFoundError, ValueError):
        return None


def _end_leftovers(folder: Path) -> None:
    """End servers that use files in `folder`: no other run uses it now, so they are left over from a killed one."""
    left = [process for process in psutil.process_iter(["name", "cmdline"]) if _is_leftover(process, folder)]
    for process in left:
        process.terminate()
    _, alive = psutil.wait_procs(left, timeout=_WAIT_SECONDS)
    for process in alive:
        process.kill()
    psutil.wait_procs(alive, timeout=_WAIT_SECONDS)


def _is_leftover(process: psutil.Process, folder: Path) -> bool:
    arguments = process.info["cmdline"] or ()
    return process.info["name"] in _LOCKING_PROGRAMS and any(text.startswith(f"{folder}/") for text in arguments)
