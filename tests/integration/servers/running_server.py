"""A server process of a test: started with its output in a file, and always ended."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

from include.local_stack.errors import LocalStackError
from include.local_stack.process_session import stop_session
from include.local_stack.server_command import ServerCommand
from include.local_stack.waiting import wait_until


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

    def stop(self) -> None:
        if self.is_running():
            stop_session(self._process)
