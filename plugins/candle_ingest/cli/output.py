"""Print JSON for programs, and tables and sentences that fit the terminal for people."""

import json
import re
import textwrap
from collections.abc import Iterable, Sequence
from typing import Any

import typer
from rich.console import Console, JustifyMethod
from rich.table import Table
from rich.text import Text

from candle_ingest.reports.simulated_data import is_simulated
from candle_ingest.settings import PipelineSettings

# Without a terminal, no line is wrapped.
PIPE_COLUMNS = 1000
WIDEST_TABLE = 100_000
# C0 and C1 control characters, which can move the cursor or clear the screen, and Unicode's direction overrides, which
# can make one text look like another. Tabs and line breaks stay.
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def print_json(settings: PipelineSettings, content: dict[str, Any]) -> None:
    """Print one line of JSON with control characters escaped; its field `simulated` marks simulated data."""
    typer.echo(json.dumps({**content, "simulated": is_simulated(settings)}, allow_nan=False))


def printable(text: str) -> str:
    """Return the text with control characters replaced, as it may come from an exchange or another program."""
    return _CONTROL.sub("\ufffd", text)


def say(sentence: str, style: str = "") -> None:
    """Print a sentence; square brackets in it are not markup."""
    _console().print(Text(printable(sentence), style=style))


def warn(sentence: str) -> None:
    """Print a sentence to the standard error, so that the standard output has only the result."""
    typer.secho(printable(sentence), fg="yellow", err=True)


def print_table(texts: Sequence[str], numbers: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print columns of text, aligned left, and of numbers, aligned right.

    On a terminal that is too narrow for them, headings have several lines or, if that does not help, each row is a
    block of lines: no value is cut.
    """
    console, content = _console(), [[printable(cell) for cell in row] for row in rows]
    names = (*texts, *numbers)
    for headings in (names, _folded(names, content)):
        table = _columns(headings, len(texts), content)
        if whole_width(table) <= console.width:
            console.print(table)
            return
    console.print(blocks(names, content))


def whole_width(table: Table) -> int:
    """Return how many columns of a terminal the table takes when nothing in it is cut or wrapped."""
    # Measured for a terminal that is wider than any table: for a narrow one, rich returns the width after cutting.
    wide = Console(width=WIDEST_TABLE)
    return table.__rich_measure__(wide, wide.options).maximum


def blocks(names: Sequence[str], rows: Iterable[Sequence[str]]) -> Text:
    """Return a block for each row: its first value as the heading, then a line for each other value."""
    width = max(map(len, names))
    lines = []
    for heading, *values in rows:
        lines += [heading, *(f"  {name:<{width}}  {value}" for name, value in zip(names[1:], values, strict=True))]
    return Text("\n".join(lines))


def _console() -> Console:
    """Return a console that uses colours on a terminal only."""
    found = Console(highlight=False, soft_wrap=True)
    return found if found.is_terminal else Console(highlight=False, soft_wrap=True, width=PIPE_COLUMNS)


def _folded(names: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Return the headings in several lines, none longer than the longest value below it or its longest word."""
    cells = [[*name.split(), *(row[place] for row in rows)] for place, name in enumerate(names)]
    widths = [max(map(len, column), default=1) for column in cells]
    return ["\n".join(textwrap.wrap(name, width)) for name, width in zip(names, widths, strict=True)]


def _columns(headings: Sequence[str], texts: int, rows: Sequence[Sequence[str]]) -> Table:
    """Return columns, of which the first `texts` are aligned left and the others right."""
    table = Table(box=None, pad_edge=False)
    for place, heading in enumerate(headings):
        justify: JustifyMethod = "left" if place < texts else "right"
        table.add_column(Text(heading), justify=justify, no_wrap=True, vertical="bottom")
    for row in rows:
        table.add_row(*map(Text, row))
    return table
