"""Every command that the documentation shows exists, with its options, and every output shown has real headings."""

from __future__ import annotations

import re
import shlex
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import typer
from airflow.cli import cli_parser

from candle_ingest.__main__ import app

REPOSITORY = Path(__file__).parents[1]
PACKAGE = REPOSITORY / "plugins" / "candle_ingest"
DOCS = REPOSITORY / "docs"
# The page of make is the output of `make help`.
PAGES = [REPOSITORY / "README.md", *(page for page in sorted(DOCS.rglob("*.md")) if page.name != "make.md")]
MAKEFILE = (REPOSITORY / "Makefile").read_text(encoding="utf-8")
FENCE = re.compile(r"^ *```.*?^ *```", re.M | re.S)
BLOCK_LINE = re.compile(r"^ {4,}(?:\$ )?((?:\w+=\S+ )*(?:make|airflow|candle-ingest|bin/candle-ingest|kubectl)\b .*)$")
INLINE = re.compile(r"`((?:make|airflow|candle-ingest|bin/candle-ingest) [^`\n]+)`")
ASSIGNMENT = re.compile(r"[A-Z_]+=.*")
PLACEHOLDER = re.compile(r"<\w+>|…|[A-Z]+")
# Mentioned only as the former name of a command.
FORMER = {"airflow dags backfill"}


def commands(page):
    """Return the commands that a page shows, in blocks and within the text."""
    text = FENCE.sub("", page.read_text(encoding="utf-8")).replace("\\\n", " ")
    blocks = [found[1] for line in text.splitlines() if (found := BLOCK_LINE.match(line))]
    return [*blocks, *(inline for inline in INLINE.findall(text) if inline not in FORMER)]


def words(command):
    """Return the words of a command, without a shell's substitutions and leading variables."""
    parts = shlex.split(re.sub(r"\$\([^)]*\)", "2026-11-24", command))
    if parts[0] == "kubectl":
        parts = parts[parts.index("--") + 1 :]
    while ASSIGNMENT.fullmatch(parts[0]):
        parts = parts[1:]
    return parts


SHOWN = sorted({(command, page.name) for page in PAGES for command in commands(page)})


def of(program):
    return [command for command in dict(SHOWN) if Path(words(command)[0]).name == program]


@cache
def make_targets():
    return set(re.findall(r"^([a-z-]+):", MAKEFILE, re.M))


@cache
def make_variables():
    """Return the names that the Makefile and its help name as variables."""
    return set(re.findall(r"\b([A-Z_]{4,})\b", MAKEFILE))


def test_the_pages_show_commands_of_each_program():
    assert all(len(of(program)) > 3 for program in ("make", "airflow", "candle-ingest"))


@pytest.mark.parametrize("command", of("make"))
def test_a_make_command_has_targets_and_variables_of_the_makefile(command):
    for word in words(command)[1:]:
        name, assigned, _ = word.partition("=")
        assert name in (make_variables() if assigned else make_targets()), command


@pytest.mark.parametrize("command", of("airflow"))
def test_an_airflow_command_is_one_that_airflow_parses(command):
    arguments = words(command)[1:]
    if any(argument.startswith("-") for argument in arguments):
        cli_parser.get_parser().parse_args(arguments)
    else:
        # Within a text, a command is named without its options.
        with pytest.raises(SystemExit, match="0"):
            cli_parser.get_parser().parse_args([*arguments, "--help"])


@pytest.mark.parametrize("command", of("candle-ingest"))
def test_a_command_of_the_terminal_is_one_that_it_parses(command):
    name, *arguments = words(command)[1:]
    group: Any = typer.main.get_command(app)
    if name.startswith("--"):
        assert name in [option for param in group.params for option in param.opts]
    elif not PLACEHOLDER.fullmatch(name):
        # Within a text, a command is named without its arguments.
        group.commands[name].make_context(name, arguments, resilient_parsing=not arguments)


def outputs(page):
    """Return the second lines of shown outputs: those below `$ candle-ingest …`."""
    lines = page.read_text(encoding="utf-8").splitlines()
    return [lines[i + 1 : i + 4] for i, line in enumerate(lines) if re.match(r" +\$ candle-ingest ", line)]


@pytest.mark.parametrize("page", [page for page in PAGES if outputs(page)], ids=lambda page: page.stem)
def test_a_shown_output_has_the_columns_that_the_commands_print(page):
    code = " ".join(file.read_text(encoding="utf-8") for file in (PACKAGE / "cli").glob("*.py"))
    for shown in outputs(page):
        headings = [line.split() for line in shown if re.fullmatch(r"[a-z %]+", line.strip())]
        assert headings
        assert [word for heading in headings for word in heading if word not in code] == []


def test_the_output_of_make_run_has_the_columns_and_lines_of_the_local_stack():
    code = " ".join(file.read_text(encoding="utf-8") for file in (REPOSITORY / "dev").rglob("*.py"))
    readme = PAGES[0].read_text(encoding="utf-8")
    table = next(line for line in readme.splitlines() if line.strip().startswith("Symbol "))
    assert [word for word in table.split() if f'"{word}"' not in code] == []
    assert "the prices are invented, none of them is real" in code


@pytest.mark.parametrize("page", [DOCS / "reference" / "page.md"], ids=["page"])
def test_every_view_of_the_page_is_described(page):
    script = (PACKAGE / "web" / "static" / "page.js").read_text(encoding="utf-8")
    views = re.findall(r'\["(\w+)", show\w+\]', script)
    rows = [line.split(" | ")[0].strip("| ") for line in page.read_text().splitlines() if line.startswith("| ")]
    assert rows[1:] == views != []


def test_the_texts_of_the_page_that_are_quoted_are_on_the_page():
    scripts = " ".join(file.read_text(encoding="utf-8") for file in (PACKAGE / "web" / "static").glob("*.js"))
    page = (DOCS / "reference" / "page.md").read_text(encoding="utf-8")
    named = [" ".join(text.split()) for text in re.findall(r"(?<!\*)\*([A-Z][^*]+)\*(?!\*)", page)]
    assert named != []
    assert [text for text in named if text not in scripts] == []
