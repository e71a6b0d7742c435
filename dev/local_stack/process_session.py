"""End a process that leads a session of its own, with everything that it started.

Airflow's tasks run in process groups of their own, but stay in the session of the scheduler that started
them, even when the scheduler is gone. So the session, not the group or the tree, is what must end.
"""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Collection

import psutil

_TERM_SECONDS = 10.0
_GRACE_SECONDS = 2.0


def stop_session(leader: subprocess.Popen[bytes], term_seconds: float = _TERM_SECONDS) -> None:
    """Ask the leader's group to end, wait, then kill what remains of the session."""
    signal_group(leader.pid, signal.SIGTERM)
    try:
        leader.wait(term_seconds)
    except subprocess.TimeoutExpired:
        signal_group(leader.pid, signal.SIGKILL)
    kill_session(leader.pid)
    leader.wait()


def signal_group(group: int, number: signal.Signals) -> None:
    """Send a signal to a process group; no group left is fine."""
    try:
        os.killpg(group, number)
    except ProcessLookupError:
        return


def kill_session(leader_pid: int) -> None:
    """Ask what remains of a session to end, and kill whatever does not within two seconds."""
    kill_sessions([leader_pid])


def kill_sessions(leader_pids: Collection[int]) -> None:
    """End several sessions at once, as `kill_session` does one."""
    members = [process for process in psutil.process_iter() if _session_of(process.pid) in leader_pids]
    for process in members:
        _send(process, signal.SIGTERM)
    _, alive = psutil.wait_procs(members, timeout=_GRACE_SECONDS)
    for process in alive:
        _send(process, signal.SIGKILL)
    psutil.wait_procs(alive, timeout=_GRACE_SECONDS)


def session_members(leader_pid: int) -> list[psutil.Process]:
    """Return the processes of the session that `leader_pid` began, whether or not it still runs."""
    return [process for process in psutil.process_iter() if _session_of(process.pid) == leader_pid]


def _session_of(pid: int) -> int | None:
    try:
        return os.getsid(pid)
    except (ProcessLookupError, PermissionError):
        return None


def _send(process: psutil.Process, number: signal.Signals) -> None:
    # psutil compares start times first, so a process that got a reused pid is never hit.
    try:
        process.send_signal(number)
    except psutil.NoSuchProcess:
        return
