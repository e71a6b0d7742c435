"""The end of `make run ONCE=1` on what real steps have stored, without the Airflow before it."""

from __future__ import annotations

import io
import signal
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from rich.console import Console

from candle_ingest.candles.window import HOUR_MS
from dev.local_stack.console import LogPrinter, StackConsole
from dev.local_stack.manager import StackManager
from dev.local_stack.options import StackOptions
from dev.local_stack.pipeline import default_pipeline
from dev.local_stack.ports import release
from dev.local_stack.run import exit_status
from dev.local_stack.server_command import ServerCommand
from dev.local_stack.session import Session
from dev.local_stack.stack import plan_stack, stack_folder
from tests.integration.steps import DAY, run_steps

pytestmark = pytest.mark.integration
NOW_MS = DAY.end_ms + 2 * HOUR_MS


class OnlyTheEnd(Session):
    """A run whose backfill and catch-up are over."""

    def _work(self) -> None:
        self._manager.wait_until(self._manager.has_started, "The processes", 60)
        start, end = (datetime.fromtimestamp(moment / 1000, UTC) for moment in (DAY.start_ms, DAY.end_ms))
        self.finish(start, end, failed=0)


@pytest.fixture
def stack(connections, redis_server, influxdb_server, tmp_path):
    options = StackOptions(
        once=True,
        exchanges=("coinbaseexchange",),
        folder=tmp_path,
        redis=redis_server,
        influxdb=influxdb_server,
        database_url="postgresql+psycopg2://not-asked",
    )
    stack_folder(options).mkdir()
    influxdb_server.ensure_bucket(options.bucket)
    planned = plan_stack(options, print, print)
    # What a start writes into Airflow's database.
    environment = {**planned.airflow.extra_environment, **connections}
    yield replace(planned, airflow=replace(planned.airflow, extra_environment=environment))
    release()
    influxdb_server.delete_bucket(options.bucket)


@pytest.fixture
def end(stack):
    """End a run with one process; returns its exit status and what it has printed."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def to_the_end():
        screen = io.StringIO()
        console = StackConsole(Console(file=screen, width=120))
        server = ServerCommand(name="airflow", argv=("sleep", "60"), folder=stack.folder)
        manager = StackManager([server], LogPrinter(stack.logs), console)
        session = OnlyTheEnd(stack, default_pipeline(stack.airflow.environment), manager, console)
        session.start()
        manager.run()
        session.join()
        return exit_status(session, manager, console, once=True), screen.getvalue()

    yield to_the_end
    for number, handler in before.items():
        signal.signal(number, handler)


def test_a_run_with_everything_stored_says_so_and_ends_with_status_0(stack, end):
    run_steps(default_pipeline(stack.airflow.environment), "backfill", DAY, NOW_MS)
    status, output = end()
    assert status == 0, output
    assert " BTC/USD 1,434 1,440 6 0 2026-03-10 00:00 2026-03-10 23:59 " in " ".join(output.split())
    assert "stack | Stopped. Everything is stored.\nstack | Try next:\n" in output
    assert "missing:" not in output
