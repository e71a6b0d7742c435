"""`python -m dev.local_stack run`: everything on this machine, options from the environment."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from types import FrameType

from candle_ingest.errors import CandleIngestError
from dev.local_stack.console import StackConsole
from dev.local_stack.influxd import find_influxd
from dev.local_stack.options import StackOptions
from dev.local_stack.plan import show_plan
from dev.local_stack.run import INTERRUPTED, run_stack


def main(arguments: list[str] | None = None) -> int:
    """Return exit status 0 on success, 1 after one line that says what failed, 130 after Ctrl-C."""
    parser = argparse.ArgumentParser(prog="python -m dev.local_stack", description=__doc__)
    parser.add_argument(
        "command",
        choices=["run", "plan", "influxd"],
        help="run everything, only show what a backfill would cost, or make sure that influxd is installed",
    )
    command = parser.parse_args(arguments).command
    console = StackConsole()
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        if command == "influxd":
            console.say(f"influxd: {find_influxd(console.say, console.moving)}")
            return 0
        if command == "plan":
            return show_plan(StackOptions.from_environment(os.environ), console)
        return run_stack(StackOptions.from_environment(os.environ), console)
    except CandleIngestError as error:
        console.error(str(error))
        return 1
    except KeyboardInterrupt:
        console.say("Stopped")
        return INTERRUPTED


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
