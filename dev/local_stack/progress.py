"""Show the progress of the backfill: a bar on a terminal, otherwise a plain line every few seconds."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.progress import (
    BarColumn,
    Progress,
    ProgressColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Column

from candle_ingest.plurals import counted, inflected
from dev.local_stack.backfill_run import RunCounts
from dev.local_stack.console import StackConsole

_PLAIN_EVERY_SECONDS = 10
# The widths from which a terminal has room beside "1234/1234 intervals, 16 running, 1234 FAILED": for the remaining
# time, for a bar, and for the whole title with the elapsed time.
_WITH_TIME_LEFT, _WITH_BAR, _WITH_TITLE = 60, 77, 110
_MIN_BAR, _MAX_BAR = 8, 40


class Display(Protocol):
    """Shows numbers as they change."""

    def show(self, counts: RunCounts) -> None:
        """Show the numbers of this moment."""


@contextmanager
def backfill_display(console: StackConsole, title: str) -> Iterator[Display]:
    """Show a display that fits the console for the duration of the block."""
    if not console.console.is_terminal:
        yield _Lines(console, title)
        return
    with Progress(*_columns(title, console.console.width), console=console.console) as progress:
        yield _Bar(progress, progress.add_task(title, total=None, numbers="begins"))


def _columns(title: str, width: int) -> Iterator[ProgressColumn]:
    """Yield what fits `width` columns beside the numbers, which are always whole."""
    if width >= _WITH_BAR:
        is_wide = width >= _WITH_TITLE
        yield TextColumn(title if is_wide else title.split()[0], style="bold")
        room = width - (_WITH_TITLE if is_wide else _WITH_BAR)
        yield BarColumn(bar_width=min(_MAX_BAR, _MIN_BAR + room))
    yield TextColumn("{task.fields[numbers]}", table_column=Column(no_wrap=False))
    if width >= _WITH_TITLE:
        yield TimeElapsedColumn()
    if width >= _WITH_TIME_LEFT:
        yield TextColumn("left")
        yield TimeRemainingColumn(compact=True)


class _Bar:
    """A bar below the lines of the servers."""

    def __init__(self, progress: Progress, task: TaskID) -> None:
        self._progress = progress
        self._task = task

    def show(self, counts: RunCounts) -> None:
        done = counts.done + counts.failed
        numbers = f"{done}/{counts.total} {inflected(counts.total, 'interval', 'intervals')}, {_unfinished(counts)}"
        self._progress.update(self._task, total=counts.total, completed=done, numbers=numbers)


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
        self._console.say(f"{self._title}: {done}/{counted(counts.total, 'interval')}, {_details(counts)}")


def _details(counts: RunCounts) -> str:
    return f"{counts.done} done, {_unfinished(counts)}"


def _unfinished(counts: RunCounts) -> str:
    failed = f", {counts.failed} FAILED" if counts.failed else ""
    return f"{counts.running} running{failed}"
