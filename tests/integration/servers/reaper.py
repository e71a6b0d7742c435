"""Ends the servers of a test process that could not do so: killed, or a worker of xdist that was interrupted.

It runs as a process of its own, which reads from the test process until that is gone.
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
from functools import cache

from dev.local_stack.airflow_processes import REPOSITORY
from dev.local_stack.process_session import kill_session


def watch(leader_pid: int) -> None:
    """This server, and all of the session that it leads, must not outlive this process."""
    _tell(f"+{leader_pid}")


def forget(leader_pid: int) -> None:
    """It has ended."""
    _tell(f"-{leader_pid}")


def _tell(line: str) -> None:
    pipe = _process().stdin
    # Without it the tests work too.
    with contextlib.suppress(BrokenPipeError):
        if pipe:
            pipe.write(f"{line}\n")
            pipe.flush()


@cache
def _process() -> subprocess.Popen[str]:
    # In a session of its own: whatever interrupts the tests must not end it.
    return subprocess.Popen(
        [sys.executable, "-m", __name__], cwd=REPOSITORY, stdin=subprocess.PIPE, text=True, start_new_session=True
    )


def main() -> None:
    alive = set()
    for line in sys.stdin:
        (alive.add if line[0] == "+" else alive.discard)(int(line[1:]))
    for leader_pid in alive:
        kill_session(leader_pid)


if __name__ == "__main__":
    main()
