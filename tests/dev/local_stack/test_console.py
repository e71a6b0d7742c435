import io

import pytest
from rich.console import Console

from dev.local_stack import console as module
from dev.local_stack.console import StackConsole


@pytest.fixture
def shown():
    return io.StringIO()


def test_a_moving_line_is_written_over_on_a_terminal(shown):
    console = StackConsole(Console(file=shown, force_terminal=True, width=80, no_color=True))
    console.moving("1 packages built")
    console.moving("2 packages built")
    console.say("built")
    erase = "\r\x1b[2K"
    assert shown.getvalue().count(erase) == 2
    assert "stack | " in shown.getvalue().split(erase)[-1]
    assert shown.getvalue().endswith("built\n")


def test_in_a_file_a_moving_line_is_written_now_and_then(shown, monkeypatch):
    times = iter([0.0, 0.0, 5.0, 15.0, 15.0])
    monkeypatch.setattr(module.time, "monotonic", lambda: next(times))
    console = StackConsole(Console(file=shown, width=80))
    for count in range(3):
        console.moving(f"{count} packages built")
    assert shown.getvalue() == "stack | 0 packages built\nstack | 2 packages built\n"
