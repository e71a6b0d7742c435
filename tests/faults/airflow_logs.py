"""What Airflow writes while a fault lasts: the output of its processes, and the logs of its tasks."""

from __future__ import annotations

import json
import re
from pathlib import Path

from dev.local_stack.waiting import wait_until


class AirflowLogs:
    """All log files of one Airflow, read from where they ended at `mark`."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._read: dict[Path, int] = {}

    def mark(self) -> None:
        """Start looking from here on."""
        self._read = {path: path.stat().st_size for path in self._files()}

    def line(self, pattern: str) -> str:
        """Return the first new line that matches the regular expression. Raises AssertionError if none does."""
        found = self._found(pattern)
        assert found, f"no log of Airflow says {pattern!r}"
        return found[0]

    def wait_for(self, pattern: str, seconds: float = 60) -> str:
        """Wait for the line that `line` looks for."""
        wait_until(lambda: bool(self._found(pattern)), f"a line {pattern!r}", seconds)
        return self.line(pattern)

    def _found(self, pattern: str) -> list[str]:
        return [line for line in self._new_lines() if re.search(pattern, line)]

    def _new_lines(self) -> list[str]:
        lines: list[str] = []
        for path in self._files():
            with path.open("rb") as file:
                file.seek(self._read.get(path, 0))
                lines += map(_plain, file.read().decode(errors="replace").splitlines())
        return lines

    def _files(self) -> list[Path]:
        """Those of the processes first."""
        return [*sorted(self._home.glob("console/*.log")), *sorted(self._home.glob("logs/dag_id=*/**/*.log"))]


def _plain(line: str) -> str:
    """The level and the event, where a line is a JSON object."""
    try:
        event = json.loads(line)
    except ValueError:
        return line
    if not isinstance(event, dict):
        return line
    return f"{str(event.get('level', '')).upper()} {event.get('event', '')}"
