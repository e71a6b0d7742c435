"""No server of a test outlives its test process, however that ends."""

import os
import signal
import subprocess
import sys

import psutil

from dev.local_stack.airflow_processes import REPOSITORY
from dev.local_stack.waiting import wait_until

STARTS_A_SERVER = """
import sys, time
from pathlib import Path
from dev.local_stack.server_command import ServerCommand
from tests.integration.servers.running_server import RunningServer

folder = Path(sys.argv[1])
sleep = ServerCommand(name="sleep", argv=("sleep", "600"), folder=folder, environment={"PATH": "/usr/bin:/bin"})
ended, server = RunningServer(sleep, folder), RunningServer(sleep, folder)
ended.stop()
print(server.pid, flush=True)
time.sleep(600)
"""


def test_a_killed_test_process_leaves_no_server(tmp_path):
    command = [sys.executable, "-c", STARTS_A_SERVER, str(tmp_path)]
    with subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True) as process:
        server = int(process.stdout.readline())
        assert psutil.pid_exists(server)
        os.kill(process.pid, signal.SIGKILL)
    wait_until(lambda: not psutil.pid_exists(server), "the end of the server", 20)
