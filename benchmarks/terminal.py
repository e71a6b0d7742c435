"""The results for the terminal."""

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from benchmarks.cells import HEADINGS, cells, shortfalls
from benchmarks.result import Result

_RIGHT = {"Figure", "Target", "Runs", "Lowest to highest"}


def terminal_report(results: list[Result]) -> RenderableType:
    """Return a table, and below it why some targets are missed."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in HEADINGS:
        table.add_column(heading, justify="right" if heading in _RIGHT else "left", no_wrap=heading != "What")
    for result in results:
        table.add_row(*map(Text, cells(result)), style="red" if result.met is False else "")
    return Group(table, *map(Text, shortfalls(results)))
