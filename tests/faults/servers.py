"""Servers that a test may stop, kill, freeze and start again: only those that it started itself."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path

from dev.local_stack.generated_secrets import GeneratedSecrets
from dev.local_stack.influxd import find_influxd
from dev.local_stack.influxdb_server import ORGANIZATION, InfluxdbServer, influxd_command
from dev.local_stack.ports import HOST, free_port
from dev.local_stack.redis_server import RedisServer, redis_command
from dev.local_stack.server_command import ServerCommand
from tests.integration.servers.running_server import RunningServer

START_SECONDS = 60


class StoppableServer:
    """One server on one port, which may be started and ended many times."""

    def __init__(self, command: ServerCommand, folder: Path, is_ready: Callable[[], bool]) -> None:
        self._command = command
        self._folder = folder
        self._is_ready = is_ready
        self._process: RunningServer | None = None

    def start(self) -> None:
        """Start the server and wait until it responds; do nothing if it runs."""
        if self._process is None:
            self._process = RunningServer(self._command, self._folder)
            self._process.wait_until(self._is_ready, START_SECONDS)

    def stop(self) -> None:
        """Terminate the server, and wait until it has ended."""
        if self._process is not None:
            self._process.stop()
            self._process = None

    def kill(self) -> None:
        """Kill the server, as a power cut would."""
        if self._process is not None:
            os.kill(self._process.pid, signal.SIGKILL)
        self.stop()

    def freeze(self) -> None:
        """Freeze the server: it keeps its connections and stops responding."""
        if self._process is not None:
            os.kill(self._process.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """Let the server continue where it was."""
        if self._process is not None:
            os.kill(self._process.pid, signal.SIGCONT)


class FaultRedis(StoppableServer):
    """A Redis to break; `.address` is how to reach it."""

    def __init__(self, folder: Path) -> None:
        password = GeneratedSecrets.generate().redis_password
        self.address = RedisServer(host=HOST, port=free_port(), password=password)
        super().__init__(redis_command(self.address, folder), folder, self.address.is_ready)


class FaultInfluxdb(StoppableServer):
    """An InfluxDB to break; `.address` is how to reach it."""

    def __init__(self, folder: Path) -> None:
        secrets, port = GeneratedSecrets.generate(), free_port()
        self.address = InfluxdbServer(url=f"http://{HOST}:{port}", token=secrets.influxdb_token, org=ORGANIZATION)
        self._password = secrets.influxdb_password
        super().__init__(influxd_command(find_influxd(print), port, folder), folder, self.address.is_ready)

    def set_up(self) -> None:
        """Start the server for the first time, and create its user, organization and token."""
        self.start()
        self.address.set_up(self._password, bucket="first")
