"""Run all processes with honcho, and leave none behind."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable

from honcho.manager import Manager

from dev.local_stack import reaper
from dev.local_stack.console import LogPrinter, StackConsole
from dev.local_stack.errors import ServerNotReadyError
from dev.local_stack.process_session import kill_session
from dev.local_stack.server_command import ServerCommand

_POLL_SECONDS = 0.2
# Set by honcho's handlers of SIGINT and SIGTERM; a process that was ended by a signal has a negative status.
_SIGNAL_STATUSES = (130, 143)


class EndedError(Exception):
    """The processes are ending, so there is nothing left to wait for."""


class StackManager(Manager):  # type: ignore[misc]
    """honcho's manager; it ends all processes as soon as one ends, or on Ctrl-C and SIGTERM.

    honcho signals process groups. Airflow's tasks have groups of their own, so `run` ends sessions too.
    """

    def __init__(self, commands: Iterable[ServerCommand], printer: LogPrinter, console: StackConsole) -> None:
        super().__init__(printer)
        self._console = console
        self._is_ending = False
        self._ended_by_itself: str | None = None
        self.log_file, self.last_line = printer.log_file, printer.last_line
        for command in commands:
            self.add_process(command.name, command.shell_line, env=dict(command.environment), cwd=str(command.folder))

    @property
    def is_ending(self) -> bool:
        """Return whether the processes are being ended."""
        return self._is_ending

    @property
    def was_interrupted(self) -> bool:
        """Return whether Ctrl-C or SIGTERM ended the run."""
        return self.returncode in _SIGNAL_STATUSES

    @property
    def failed_part(self) -> str | None:
        """Return the name of the process that was the first to end by itself."""
        return self._ended_by_itself

    def run(self) -> None:
        """Run until all processes have ended."""
        try:
            self.loop()
        finally:
            for process in self._processes.values():
                if "pid" in process:
                    kill_session(process["pid"])
                    reaper.forget(process["pid"])
                    reaper.forget(process["process"].pid)

    def has_started(self) -> bool:
        """Return whether every process has been started."""
        return bool(self._all_started())

    def watch_processes(self) -> None:
        """Make the processes end if this one is killed; all must have started."""
        for process in self._processes.values():
            reaper.watch(process["pid"])
            # honcho's own fork for each: left alone, it would wait forever for its output to be read.
            reaper.watch_fork(process["process"].pid)

    def pause(self, seconds: float) -> None:
        """Sleep, from another thread. Raises EndedError once the processes are ending."""
        if self.is_ending:
            raise EndedError
        time.sleep(seconds)

    def wait_until(self, ready: Callable[[], bool], what: str, timeout_seconds: float) -> None:
        """Poll `ready`, from another thread. Raises LocalStackError after the timeout."""
        deadline = time.monotonic() + timeout_seconds
        while not ready():
            if time.monotonic() > deadline:
                raise ServerNotReadyError(f"{what} did not answer within {timeout_seconds:.0f} seconds.")
            self.pause(_POLL_SECONDS)

    def terminate(self) -> None:
        """End all processes, and remember the first that had ended by itself."""
        if not self._is_ending:
            self._is_ending = True
            ended = [name for name, process in self._processes.items() if "returncode" in process]
            self._ended_by_itself = ended[0] if ended else None
            self._console.say("Stopping all processes")
        if self.has_started():
            super().terminate()
        else:
            # honcho has no process ids to signal yet: repeat a Ctrl-C that came this early.
            again = threading.Timer(_POLL_SECONDS, self.terminate)
            again.daemon = True
            again.start()
