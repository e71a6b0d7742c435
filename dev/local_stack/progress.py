"""Show how far the backfill is: a bar on a terminal, else a plain line every few seconds."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from dev.local_stack.backfill_run import RunCounts
from dev.local_stack.console import StackConsole

_PLAIN_EVERY_SECONDS = 10


class Display(Protocol):
    """Shows numbers as they change."""

    def show(self, counts: RunCounts) -> None:
        """Show the numbers of this moment."""


@contextmanager
def backfill_display(console: StackConsole, title: str) -> Iterator[Display]:
    """Show a display that fits the console, for as long as the block lasts."""
    if not console.console.is_terminal:
        yield _Lines(console, title)
        return
    progress = Progress(
        TextColumn("{task.description}", style="bold"),
        BarColumn(),
        TextColumn("{task.completed}/{task.total} intervals"),
        TextColumn("{task.fields[details]}"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        console=console.console,
    )
    with progress:
        yield _Bar(progress, progress.add_task(title, total=None, details=""))


class _Bar:
    """A bar below the lines that the servers write."""

    def __init__(self, progress: Progress, task: TaskID) -> None:
        self._progress = progress
        self._task = task

    def show(self, counts: RunCounts) -> None:
        done = counts.done + counts.failed
        self._progress.update(self._task, total=counts.total, completed=done, details=_details(counts))


class _Lines:
    """For a file or a CI log."""

    def __init__(self, console: StackConsole, title: str) -> None:
        self._console = console
        self._title = title
        self._last: tuple[float, RunCounts | None] = (float("-inf"), None)

    def show(self, counts: RunCounts) -> None:
        shown_at, shown = self._last
        due = time.monotonic() - shown_at >= _PLAIN_EVERY_SECONDS
        if counts == shown or not (due or counts.is_finished):
            return
        self._last = (time.monotonic(), counts)
        done = counts.done + counts.failed
        self._console.say(f"{self._title}: {done}/{counts.total} intervals, {_details(counts)}")


def _details(counts: RunCounts) -> str:
    failed = f", {counts.failed} FAILED" if counts.failed else ""
    return f"{counts.done} done, {counts.running} running{failed}"
