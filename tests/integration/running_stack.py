"""`make run` for tests, as a user types it (apart from make): started, read, interrupted or killed."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path

import psutil

from dev.local_stack.airflow_processes import REPOSITORY
from dev.local_stack.ports import free_port
from dev.local_stack.process_session import session_members
from dev.local_stack.waiting import wait_until

_END_SECONDS = 900


class RunningStack:
    """One `make run` with its files in `folder`; `output` grows while it runs."""

    def __init__(self, folder: Path, **variables: str) -> None:
        self.folder = folder
        environment = {key: value for key, value in os.environ.items() if not key.startswith("CANDLE_INGEST_")}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "dev.local_stack", "run"],
            cwd=REPOSITORY,
            # Stacks of other tests start at the same time, and would choose the same port.
            env={
                **environment,
                "AIRFLOW_PORT": str(free_port()),
                "LOCAL_STACK_FOLDER": str(folder),
                **variables,
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self.output = ""
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        for line in self._process.stdout:
            self.output += line

    def wait_for(self, pattern: str, timeout_seconds: float = _END_SECONDS) -> None:
        """Wait until the output matches."""
        found = lambda: re.search(pattern, self.output) is not None  # noqa: E731
        wait_until(found, f"{pattern!r} in {self.output}", timeout_seconds, self._is_running)

    def interrupt(self) -> None:
        """Send Ctrl-C."""
        self._process.send_signal(signal.SIGINT)

    def kill(self) -> None:
        """End it as the kernel does when memory is short."""
        self._process.kill()

    def end(self) -> int:
        """Wait for its end; return its exit status."""
        status = self._process.wait(_END_SECONDS)
        self._reader.join(30)
        return status

    def left(self) -> list[psutil.Process]:
        """Return the processes that it has left running."""
        return session_members(self._process.pid) + _with_files_in(self.folder)

    def _is_running(self) -> bool:
        return self._process.poll() is None


def _with_files_in(folder: Path) -> list[psutil.Process]:
    """Processes whose arguments or environment name the folder: servers lead sessions of their own."""
    found = []
    for process in psutil.process_iter():
        try:
            told = [*process.cmdline(), *process.environ().values()]
        except (psutil.AccessDenied, psutil.NoSuchProcess, psutil.ZombieProcess):
            continue
        if process.pid != os.getpid() and any(text.startswith(f"{folder}/simulated") for text in told):
            found.append(process)
    return found
