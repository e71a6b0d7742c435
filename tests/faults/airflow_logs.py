"""The logs that Airflow writes while a fault lasts: the output of its processes, and the logs of its tasks."""

from __future__ import annotations

import json
import re
from pathlib import Path

from dev.local_stack.waiting import wait_until


class AirflowLogs:
    """Read what was added to the log files of one Airflow since `mark`."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._read: dict[Path, int] = {}

    def mark(self) -> None:
        """Ignore everything that is in the logs now."""
        self._read = {path: path.stat().st_size for path in self._files()}

    def line(self, pattern: str) -> str:
        """Return the first new line that matches the regular expression. Raises AssertionError if none does."""
        found = self._found(pattern)
        assert found, f"no new line in Airflow's logs matches {pattern!r}"
        return found[0]

    def wait_for(self, pattern: str, seconds: float = 60) -> str:
        """Wait for a new line that matches, and return it."""
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
        """Return the logs of the processes, then those of the tasks."""
        return [*sorted(self._home.glob("console/*.log")), *sorted(self._home.glob("logs/dag_id=*/**/*.log"))]


def _plain(line: str) -> str:
    """Return level and event of a line that is a JSON object; any other line unchanged."""
    try:
        event = json.loads(line)
    except ValueError:
        return line
    if not isinstance(event, dict):
        return line
    return f"{str(event.get('level', '')).upper()} {event.get('event', '')}"
