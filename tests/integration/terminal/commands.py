"""Run a command of `candle-ingest` in this process, and read what it prints."""

from __future__ import annotations

import json

from typer.testing import CliRunner

from candle_ingest.__main__ import app
from candle_ingest.candles.window import Window, format_ms


def run(*command: str) -> None:
    """Run a command and raise its error."""
    CliRunner().invoke(app, command, catch_exceptions=False)


def text(*command: str, status: int = 0) -> str:
    done = CliRunner().invoke(app, command)
    assert done.exit_code == status, (done.output, done.exception)
    return done.output


def content(*command: str, status: int = 0) -> dict:
    return json.loads(text(*command, "--json", status=status).splitlines()[-1])


def period(window: Window) -> tuple[str, ...]:
    """Return the options that name the window."""
    return ("--from", format_ms(window.start_ms), "--to", format_ms(window.end_ms))


def rows(output: str) -> dict[str, list[str]]:
    """Return the cells of each line of the table by its first one; sentences follow the table."""
    found = {}
    for line in output.splitlines():
        if line.strip():
            found.setdefault(line.split()[0], line.split())
    return found
