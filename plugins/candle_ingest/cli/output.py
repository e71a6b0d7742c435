"""How the commands print."""

import json
from collections.abc import Iterable, Sequence
from typing import Any

import typer
from rich.console import Console
from rich.table import Table


def print_json(content: dict[str, Any]) -> None:
    """One line of JSON."""
    typer.echo(json.dumps(content, allow_nan=False))


def console() -> Console:
    """Where a person reads. Long lines are left whole where the output goes into a file or a pipe."""
    found = Console(highlight=False, soft_wrap=True)
    return found if found.is_terminal else Console(highlight=False, soft_wrap=True, width=1000)


def print_table(texts: Sequence[str], numbers: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Columns of text on the left, of numbers on the right."""
    table = Table(box=None, pad_edge=False)
    for name in texts:
        table.add_column(name, no_wrap=True)
    for name in numbers:
        table.add_column(name, justify="right", no_wrap=True)
    for row in rows:
        table.add_row(*row)
    console().print(table)
