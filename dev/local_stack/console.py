"""What the terminal shows: lines of our own, and those lines of the servers that matter."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Protocol

from rich.console import Console
from rich.text import Text

_STYLES = {
    "stack": "bold",
    "redis": "magenta",
    "influxdb": "blue",
    "broker": "magenta",
    "simulator": "yellow",
    "scheduler": "cyan",
    "dag-processor": "green",
    "api-server": "bright_black",
    "worker-1": "cyan",
    "worker-2": "cyan",
}
_NAME_WIDTH = max(map(len, _STYLES))
# The rest is in the log files: Airflow alone writes several lines a second.
_MATTERS = re.compile(
    r"\[(error|critical) *\]|\blvl=error|^Traceback|\bFATAL\b|^# |panic:|Error:|^Exchange simulator on"
)
# What the simulator's fault injection makes Airflow say, and it handles.
_NOISE = re.compile(r"uvicorn\.error|DeprecationWarning")
_LONGEST_LINE = 300


class Message(Protocol):
    """What honcho gives a printer: a line of a process, or a word of honcho's own."""

    type: str
    data: bytes | str
    name: str


class StackConsole:
    """One console for everything, so that lines and a live progress bar don't write over each other."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(highlight=False)
        if not self.console.is_terminal and "COLUMNS" not in os.environ:
            # rich takes 80 columns for a file, where width costs nothing.
            self.console.width = 120

    def say(self, text: str) -> None:
        """A line of our own."""
        self.line("stack", text)

    def line(self, name: str, text: str) -> None:
        """A line with the name of its source before it."""
        self._print(name, Text(text[:_LONGEST_LINE]))

    def error(self, text: str) -> None:
        """What is not as it should be, in one line."""
        self._print("stack", Text(text, style="bold red"))

    def _print(self, name: str, text: Text) -> None:
        prefix = Text(f"{name:<{_NAME_WIDTH}} | ", style=_STYLES.get(name, ""))
        # A line stays a line, also in a file; a terminal wraps it by itself.
        self.console.print(prefix + text, soft_wrap=True)


class LogPrinter:
    """A honcho printer: every line goes into the file of its process, what matters to the console too."""

    # honcho sets it to the longest name.
    width = 0

    def __init__(self, console: StackConsole, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._console = console
        self._folder = folder
        self.is_quiet = False

    def log_file(self, name: str) -> Path:
        """Where the full output of a process is."""
        return self._folder / f"{name}.log"

    def write(self, message: Message) -> None:
        """Called by honcho for each line, always from the same thread."""
        text = message.data.decode("utf-8", "replace") if isinstance(message.data, bytes) else message.data
        with self.log_file(message.name).open("a", encoding="utf-8") as log:
            log.write(text)
        # honcho's own words ("started (pid=...)") are for the file; what ended is said by the manager.
        if message.name != "system" and not self.is_quiet and matters(text):
            self._console.line(message.name, text.rstrip())


def matters(line: str) -> bool:
    """Whether somebody who watches wants to see this line of a server."""
    return bool(_MATTERS.search(line)) and not _NOISE.search(line)
