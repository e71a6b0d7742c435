"""End the servers of a process that was killed and so could not do so itself.

The reaper is a separate process. It reads from the process that started the servers until that is gone.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from functools import cache

from dev.local_stack.airflow_processes import REPOSITORY
from dev.local_stack.process_session import kill_sessions


def watch(leader_pid: int) -> None:
    """End this server, and all of the session that it leads, when this process has ended."""
    _send(f"+{leader_pid}")


def watch_fork(pid: int) -> None:
    """Kill this one process, a fork of this one, when this process has ended."""
    _send(f"!{pid}")


def forget(pid: int) -> None:
    """Stop watching this process: it has ended."""
    _send(f"-{pid}")


def _send(line: str) -> None:
    pipe = _process().stdin
    # The servers also work without a reaper.
    with contextlib.suppress(BrokenPipeError):
        if pipe:
            pipe.write(f"{line}\n")
            pipe.flush()


@cache
def _process() -> subprocess.Popen[str]:
    # In its own session: whatever interrupts this process must not end it.
    process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
        [sys.executable, "-m", __name__], cwd=REPOSITORY, stdin=subprocess.PIPE, text=True, start_new_session=True
    )
    # A fork of this process would keep the pipe open, and the reaper would wait for it too.
    os.register_at_fork(after_in_child=lambda: os.close(process.stdin.fileno()) if process.stdin else None)
    return process


def main() -> None:
    """End what is still watched once the pipe is closed."""
    watched: dict[int, str] = {}
    for line in sys.stdin:
        kind, pid = line[0], int(line[1:])
        watched.pop(pid, None)
        if kind != "-":
            watched[pid] = kind
    for pid in (pid for pid, kind in watched.items() if kind == "!"):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    kill_sessions([pid for pid, kind in watched.items() if kind == "+"])


if __name__ == "__main__":
    main()
