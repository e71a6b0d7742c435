import os
import shutil
import signal
import subprocess
import sys

import psutil
import pytest

from dev.local_stack import stack_lock
from dev.local_stack.airflow_processes import REPOSITORY
from dev.local_stack.errors import LocalStackError
from dev.local_stack.stack_lock import only_run

HOLDER = """
import os, sys, time
from pathlib import Path
from dev.local_stack.stack_lock import only_run

with only_run(Path(sys.argv[1]), print):
    if os.fork() == 0:  # as honcho does for each server
        time.sleep(float(sys.argv[2]))
        os._exit(0)
    print("held", flush=True)
    time.sleep(600)
"""


@pytest.fixture
def holder(tmp_path):
    """Start another run on the same folder, whose forked child lives for some seconds after it is killed."""
    started = []

    def start(child_seconds):
        command = [sys.executable, "-c", HOLDER, str(tmp_path), str(child_seconds)]
        process = subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True)
        started.append(process)
        assert process.stdout.readline() == "held\n"
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()


def test_the_error_of_a_second_run_names_the_process_of_the_first(holder, tmp_path):
    first = holder(0)
    with (
        pytest.raises(LocalStackError, match=rf"already runs with .* \(process {first.pid}\)"),
        only_run(tmp_path, print),
    ):
        pass


def test_a_run_after_a_killed_one_waits_for_its_processes(holder, tmp_path):
    first = holder(1)
    os.kill(first.pid, signal.SIGKILL)
    first.wait()
    said = []
    with only_run(tmp_path, said.append):
        pass
    assert said == ["Waiting for the processes of a run that was killed"]


def test_processes_that_stay_after_a_killed_run_are_an_error(holder, tmp_path, monkeypatch):
    monkeypatch.setattr(stack_lock, "_WAIT_SECONDS", 0.1)
    first = holder(3)
    os.kill(first.pid, signal.SIGKILL)
    first.wait()
    with pytest.raises(LocalStackError, match="a run that was killed still use"), only_run(tmp_path, print):
        pass


def test_only_the_server_that_a_killed_run_left_behind_is_ended(tmp_path):
    log, program = tmp_path / "log", tmp_path / "bin" / "influxd"
    log.touch()
    program.parent.mkdir()
    shutil.copy(shutil.which("tail"), program)  # any program that keeps running, under the name of a server
    left, reader = (subprocess.Popen([name, "-f", str(log)]) for name in (str(program), "tail"))
    try:
        with only_run(tmp_path, print):
            assert not psutil.pid_exists(left.pid)
            assert reader.poll() is None
    finally:
        for process in (left, reader):
            process.kill()
            process.wait()
