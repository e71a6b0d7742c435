"""Run a command of `candle-ingest` in this process, and read what it prints."""

from __future__ import annotations

import json

from typer.testing import CliRunner

from candle_ingest.__main__ import app


def text(*command: str, status: int = 0) -> str:
    done = CliRunner().invoke(app, command)
    assert done.exit_code == status, (done.output, done.exception)
    return done.output


def content(*command: str, status: int = 0) -> dict:
    return json.loads(text(*command, "--json", status=status).splitlines()[-1])


def rows(output: str) -> dict[str, list[str]]:
    """Return the cells of each line of the table by its first one; sentences follow the table."""
    found = {}
    for line in output.splitlines():
        if line.strip():
            found.setdefault(line.split()[0], line.split())
    return found
