import signal
import subprocess
import sys
import textwrap
import time

import psutil
import pytest

from dev.local_stack.process_session import kill_session, session_members, stop_session

# Like Airflow's scheduler: a child in its own process group that ignores SIGTERM.
PARENT = textwrap.dedent("""
    import os, signal, sys, time
    if os.fork() == 0:
        os.setpgid(0, 0)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        print("ready", flush=True)
        time.sleep(600)
    time.sleep(600)
""")


@pytest.fixture
def leader():
    process = subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE, start_new_session=True)
    assert process.stdout.readline() == b"ready\n"
    yield process
    process.stdout.close()
    kill_session(process.pid)
    process.wait()


def test_nothing_of_the_session_is_left(leader):
    members = session_members(leader.pid)
    assert len(members) == 2
    stop_session(leader, term_seconds=5)
    assert [process for process in members if process.is_running()] == []


def test_nothing_is_left_even_if_the_leader_was_killed_before(leader):
    (child,) = [process for process in session_members(leader.pid) if process.pid != leader.pid]
    leader.send_signal(signal.SIGKILL)
    leader.wait()
    assert child.is_running()
    kill_session(leader.pid)
    assert not child.is_running()


def test_other_processes_stay():
    other = subprocess.Popen(["sleep", "60"], start_new_session=True)
    try:
        kill_session(psutil.Process().pid + 1_000_000)
        time.sleep(0.1)
        assert other.poll() is None
    finally:
        other.kill()
        other.wait()
