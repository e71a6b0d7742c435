"""A server process of a test: started with its output in a file, and always ended."""

from __future__ import annotations

import contextlib
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import psutil

from dev.local_stack import reaper
from dev.local_stack.errors import LocalStackError
from dev.local_stack.process_session import session_members, stop_session
from dev.local_stack.server_command import ServerCommand
from dev.local_stack.waiting import wait_until


class RunningServer:
    """Runs a ServerCommand in a session of its own, so that ending it ends all that it forked."""

    def __init__(self, command: ServerCommand, logs: Path) -> None:
        self.name = command.name
        self.log = logs / f"{command.name}.log"
        logs.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as out:
            self._process = subprocess.Popen(
                command.argv,
                cwd=command.folder,
                env=dict(command.environment),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,
            )
        reaper.watch(self.pid)

    @property
    def pid(self) -> int:
        return self._process.pid

    def is_running(self) -> bool:
        return self._process.poll() is None

    def wait_until(self, ready: Callable[[], bool], timeout_seconds: float) -> None:
        """Wait for an answer; one that fails is stopped, and its last lines of output are in the error."""
        try:
            wait_until(ready, self.name, timeout_seconds, self.is_running)
        except LocalStackError as error:
            self.stop()
            raise LocalStackError(f"{error}\n{self.last_lines()}") from None

    def last_lines(self, count: int = 20) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-count:])

    def pids(self) -> set[int]:
        """Return its process id, and those of all processes it forked."""
        return {process.pid for process in session_members(self.pid)}

    def freeze(self) -> set[int]:
        """Halt it and all processes it forked, until `kill`; return their process ids."""
        return self._signal_all(signal.SIGSTOP)

    def kill(self) -> None:
        """End it and all that it forked at once, without a word."""
        self._signal_all(signal.SIGKILL)
        self._process.wait()
        reaper.forget(self.pid)

    def _signal_all(self, number: signal.Signals) -> set[int]:
        members = session_members(self.pid)
        for process in members:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.send_signal(number)
        return {process.pid for process in members}

    def stop(self) -> None:
        if self.is_running():
            stop_session(self._process)
        reaper.forget(self.pid)
