import io
import os
import signal
import threading
import time

import psutil
import pytest
from rich.console import Console

from dev.local_stack.console import LogPrinter, StackConsole
from dev.local_stack.manager import EndedError, StackManager
from dev.local_stack.server_command import ServerCommand


@pytest.fixture
def screen():
    return io.StringIO()


@pytest.fixture
def manage(tmp_path, screen):
    """Return a manager of shell scripts; restore the signal handlers afterwards."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def make(**scripts):
        commands = [
            ServerCommand(name=name, argv=("sh", "-c", script), folder=tmp_path) for name, script in scripts.items()
        ]
        console = StackConsole(Console(file=screen, width=120))
        return StackManager(commands, LogPrinter(tmp_path / "logs"), console)

    yield make
    for number, handler in before.items():
        signal.signal(number, handler)


def test_all_processes_end_when_one_does_and_it_is_named(manage, tmp_path):
    manager = manage(redis="sleep 60 & sleep 60", simulator="sleep 0.5; exit 3")
    manager.run()
    assert manager.failed_part == "simulator"
    assert not manager.was_interrupted
    assert [child for child in psutil.Process().children(recursive=True) if child.name() == "sleep"] == []


def test_a_signal_ends_all_and_names_none(manage, tmp_path):
    manager = manage(redis="sleep 60", simulator="sleep 60")
    threading.Timer(1, os.kill, (os.getpid(), signal.SIGTERM)).start()
    began = time.monotonic()
    manager.run()
    assert time.monotonic() - began < 8
    assert manager.was_interrupted
    assert manager.failed_part is None


def test_an_early_interrupt_ends_the_processes_after_their_start(manage):
    manager = manage(redis="sleep 60", simulator="sleep 60")
    manager.terminate()
    with pytest.raises(EndedError):
        manager.wait_until(lambda: False, "Redis", 10)
    manager.run()
    assert manager.has_started()


def test_output_of_a_server_is_logged_and_not_shown(manage, tmp_path, screen):
    script = "echo 'x [info     ] all is well'; echo 'x [error    ] something broke'; sleep 0.5"
    manager = manage(scheduler=script)
    manager.run()
    assert (tmp_path / "logs" / "scheduler.log").read_text().count("\n") == 2
    assert "something broke" not in screen.getvalue()
    assert manager.last_line("scheduler") == "x [error    ] something broke"
