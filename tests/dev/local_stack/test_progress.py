import io

import pytest
from rich.console import Console

from dev.local_stack.backfill_run import RunCounts
from dev.local_stack.console import StackConsole
from dev.local_stack.progress import backfill_display

COUNTS = RunCounts(total=1096, done=1000, failed=12, running=16)


def shown(width):
    screen = io.StringIO()
    console = StackConsole(Console(file=screen, force_terminal=True, no_color=True, width=width))
    with backfill_display(console, "Backfill since 2026-11-23") as display:
        display.show(COUNTS)
    return screen.getvalue().split("\r")[-1]


@pytest.mark.parametrize("width", [40, 60, 80, 120])
def test_a_progress_bar_cuts_nothing_at_any_width(width):
    text = shown(width)
    assert "1012/1096 intervals, 16 running, 12 FAILED" in " ".join(text.split())
    assert "…" not in text
    assert "━" in text or width < 80


def test_only_a_wide_terminal_gets_the_whole_title():
    assert "Backfill since 2026-11-23" in shown(120)
    assert "Backfill since" not in (narrow := shown(80))
    assert "Backfill" in narrow


def test_a_bar_shows_no_number_before_the_first_is_known():
    screen = io.StringIO()
    console = StackConsole(Console(file=screen, force_terminal=True, no_color=True, width=120))
    with backfill_display(console, "Backfill since 2026-11-23"):
        pass
    assert "begins" in screen.getvalue()
    assert "None" not in screen.getvalue()
