import pytest
from rich.console import Console

from candle_ingest.cli import output
from candle_ingest.cli.output import print_table, printable, say

ESCAPES = "\x1b[2J\x9b31mgone\x07\u202e"
TEXTS, NUMBERS = ("symbol", "exchange"), ("present", "not asked")
ROW = ("BTC/USD", "binance", "1,440", "0")


@pytest.fixture
def terminal(monkeypatch):
    """A terminal whose width the test sets."""

    def of_width(columns):
        console = Console(force_terminal=True, color_system=None, width=columns, soft_wrap=True, highlight=False)
        monkeypatch.setattr(output, "_console", lambda: console)

    return of_width


def test_control_characters_of_a_text_never_reach_the_terminal(capsys):
    say(f"binance: {ESCAPES}")
    print_table(("reason",), (), [[ESCAPES]])
    assert not set(capsys.readouterr().out) & set("\x1b\x9b\x07\u202e")


def test_line_breaks_and_tabs_are_kept():
    assert printable("one\n\ttwo") == "one\n\ttwo"


def test_square_brackets_in_data_are_printed_as_they_are(capsys):
    say("[red]not red[/red]")
    print_table(("reason",), (), [["[bold]x"]])
    assert "[red]not red[/red]" in (said := capsys.readouterr().out)
    assert "[bold]x" in said


@pytest.mark.parametrize("columns", [80, 39])
def test_a_table_that_fits_the_terminal_is_printed_in_columns(terminal, capsys, columns):
    terminal(columns)
    print_table(TEXTS, NUMBERS, [ROW])
    heading, row = capsys.readouterr().out.splitlines()
    assert heading.split() == ["symbol", "exchange", "present", "not", "asked"]
    assert row.split() == list(ROW)


def test_headings_are_folded_before_a_table_becomes_blocks(terminal, capsys):
    terminal(80)
    row = ("BTC/USD", "yes", "2026-11-26T07:45Z", "2026-11-26T00:00Z", "0", "0", "61 s")
    print_table(("symbol", "up to date", "merged up to", "complete up to"), ("open", "unobtainable", "lag"), [row])
    first, second, heading, values = capsys.readouterr().out.splitlines()
    assert (first.split(), second.split()) == (["up"], ["to"])
    assert " ".join(heading.split()) == "symbol date merged up to complete up to open unobtainable lag"
    assert "61 s" in values


def test_a_table_wider_than_the_terminal_becomes_blocks_and_cuts_nothing(terminal, capsys):
    terminal(30)
    print_table(TEXTS, NUMBERS, [ROW])
    assert capsys.readouterr().out.splitlines() == [
        "BTC/USD",
        "  exchange   binance",
        "  present    1,440",
        "  not asked  0",
    ]


@pytest.mark.parametrize("columns", range(30, 45))
def test_no_width_cuts_a_heading_or_a_value_of_several_words(terminal, capsys, columns):
    terminal(columns)
    print_table(("symbol", "asked again at"), ("not asked",), [("BTC/USD", "27 November 14:30", "1,440")])
    said = capsys.readouterr().out
    assert {"asked", "again", "at", "not"} <= set(said.split())
    assert "27 November 14:30" in said


def test_a_pipe_gets_whole_lines_however_long(capsys):
    print_table(("reason",), (), [["x" * 500]])
    assert "x" * 500 in capsys.readouterr().out.splitlines()[1]
