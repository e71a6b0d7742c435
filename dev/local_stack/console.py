"""Terminal output: lines of our own, and one that is updated in place. Output of the servers goes to log files."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Protocol

from rich.console import Console, RenderableType
from rich.control import Control
from rich.segment import ControlType
from rich.text import Text

from dev.local_stack.shortened import shortened

_PREFIX = ("stack | ", "bold")
# If a line can't be updated in place, it is written at intervals.
_PLAIN_EVERY_SECONDS = 15
_ERASE_LINE = Control(ControlType.CARRIAGE_RETURN, (ControlType.ERASE_IN_LINE, 2))


class Message(Protocol):
    """What honcho passes to a printer: a line of a process, or a message of its own."""

    type: str
    data: bytes | str
    name: str


class StackConsole:
    """One console for everything, so that lines and the updated line don't overwrite each other."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(highlight=False)
        if not self.console.is_terminal and "COLUMNS" not in os.environ:
            # rich takes 80 columns for a file, where width costs nothing.
            self.console.width = 120
        self._is_moving = False
        self._moved_at = float("-inf")

    def say(self, text: str) -> None:
        """Print a line, however long it is."""
        self._print(Text.assemble(_PREFIX, text))

    def error(self, text: str) -> None:
        """Print a problem, in one line."""
        self._print(Text.assemble(_PREFIX, (text, "bold red")))

    def show(self, renderable: RenderableType) -> None:
        """Print a table."""
        self._print(renderable)

    def moving(self, text: str) -> None:
        """Show progress: on a terminal, replace the last such line; elsewhere, print a line at intervals."""
        if self.console.is_terminal:
            self._erase()
            self.console.print(Text.assemble(_PREFIX, text), end="", no_wrap=True, overflow="ellipsis")
            self._is_moving = True
        elif time.monotonic() - self._moved_at >= _PLAIN_EVERY_SECONDS:
            self._moved_at = time.monotonic()
            self.say(text)

    def _print(self, renderable: RenderableType) -> None:
        self._erase()
        # Lines are not wrapped, not even in a file; a terminal wraps them itself.
        self.console.print(renderable, soft_wrap=isinstance(renderable, Text))

    def _erase(self) -> None:
        if self._is_moving:
            self.console.control(_ERASE_LINE)
            self._is_moving = False


class LogPrinter:
    """A honcho printer that writes every line to the log file of its process."""

    # honcho sets it to the longest name.
    width = 0

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder

    def log_file(self, name: str) -> Path:
        """Return the log file of a process."""
        return self._folder / f"{name}.log"

    def write(self, message: Message) -> None:
        """Store a line; honcho calls this always from the same thread."""
        text = message.data.decode("utf-8", "replace") if isinstance(message.data, bytes) else message.data
        with self.log_file(message.name).open("a", encoding="utf-8") as log:
            log.write(text)

    def last_line(self, name: str) -> str:
        """Return the last line that a process has printed."""
        log = self.log_file(name)
        lines = log.read_text(errors="replace").strip().splitlines() if log.exists() else []
        return shortened(lines[-1].strip()) if lines else "no output"
