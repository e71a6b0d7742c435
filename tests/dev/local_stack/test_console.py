import io

import pytest
from rich.console import Console

from dev.local_stack import console as module
from dev.local_stack.console import LogPrinter, StackConsole


@pytest.fixture
def shown():
    return io.StringIO()


def test_a_moving_line_is_overwritten_on_a_terminal(shown):
    console = StackConsole(Console(file=shown, force_terminal=True, width=80, no_color=True))
    console.moving("1 packages built")
    console.moving("2 packages built")
    console.say("built")
    erase = "\r\x1b[2K"
    assert shown.getvalue().count(erase) == 2
    assert "stack | " in shown.getvalue().split(erase)[-1]
    assert shown.getvalue().endswith("built\n")


def test_in_a_file_a_moving_line_is_written_at_intervals(shown, monkeypatch):
    times = iter([0.0, 0.0, 5.0, 15.0, 15.0])
    monkeypatch.setattr(module.time, "monotonic", lambda: next(times))
    console = StackConsole(Console(file=shown, width=80))
    for count in range(3):
        console.moving(f"{count} packages built")
    assert shown.getvalue() == "stack | 0 packages built\nstack | 2 packages built\n"


def test_a_long_line_is_shown_whole(shown):
    StackConsole(Console(file=shown, width=80)).say("x" * 2000)
    assert shown.getvalue() == f"stack | {'x' * 2000}\n"


def test_a_page_in_a_log_is_shortened_and_says_so(tmp_path):
    (tmp_path / "influxdb.log").write_text("started\n" + "x" * 1500 + "\n")
    assert LogPrinter(tmp_path).last_line("influxdb") == f"{'x' * 1000}… (500 characters more)"
