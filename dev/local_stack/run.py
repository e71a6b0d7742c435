"""Run the local stack in the foreground until it is stopped, or with ONCE=1 until the table is shown."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version

from dev.local_stack.console import LogPrinter, StackConsole
from dev.local_stack.errors import ServerNotReadyError
from dev.local_stack.library_log import log_libraries_to
from dev.local_stack.manager import StackManager
from dev.local_stack.next_steps import show_next_starts
from dev.local_stack.options import StackOptions
from dev.local_stack.pipeline import default_pipeline
from dev.local_stack.ports import HOST, release
from dev.local_stack.postgres_server import running_postgres
from dev.local_stack.session import Session
from dev.local_stack.stack import LocalStack, plan_stack, stack_folder
from dev.local_stack.stack_lock import only_run
from dev.local_stack.terminal_file import write_terminal_file
from dev.local_stack.unfinished_runs import pause_all_dags
from dev.local_stack.unlisted_symbols import unlisted_symbols

INTERRUPTED = 130
_VERSION_FILE = "airflow_version"


def run_stack(options: StackOptions, console: StackConsole) -> int:
    """Return exit status 0; 1 after one line that says what is wrong; 130 if stopped early."""
    folder = stack_folder(options)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with only_run(folder, console.say):
        announce(options, console)
        stack = plan_stack(options, console.say, console.moving)
        for sentence in unlisted_symbols(options, default_pipeline(stack.airflow.environment)):
            console.say(sentence)
        log_libraries_to(stack.logs)
        write_terminal_file(stack)
        with _database(stack, console):
            return _run_processes(stack, console)


def _run_processes(stack: LocalStack, console: StackConsole) -> int:
    settings = default_pipeline(stack.airflow.environment)
    _prepare_airflow(stack, console)
    pause_all_dags(stack.airflow.database_url)
    manager = StackManager(stack.commands(), LogPrinter(stack.logs), console)
    session = Session(stack, settings, manager, console)
    session.start()
    release()
    manager.run()
    session.join(timeout=10)
    return exit_status(session, manager, console, once=stack.options.once)


@contextmanager
def _database(stack: LocalStack, console: StackConsole) -> Iterator[None]:
    """Run this stack's PostgreSQL, unless the user provides one, from before its first use until after its last."""
    if stack.postgres is None:
        yield
        return
    console.say(f"Starting PostgreSQL on {HOST}:{stack.postgres.port} for Airflow")
    release(stack.postgres.port)
    with running_postgres(stack.postgres, stack.logs / "postgres.log"):
        yield


def exit_status(session: Session, manager: StackManager, console: StackConsole, *, once: bool) -> int:
    """Print how the run has ended, and return its exit status."""
    failed = manager.failed_part
    if failed:
        said = f"{manager.last_line(failed)} (all of it: {manager.log_file(failed)})"
        console.error(str(ServerNotReadyError(f"{failed} ended by itself: {said}")))
        return 1
    if session.problem and (once or not session.is_complete):
        console.error(session.problem)
        return 1
    if session.is_complete:
        console.say("Stopped. Everything is stored." if once else "Stopped")
        if once:
            show_next_starts(console.say)
        return 0
    if manager.was_interrupted:
        console.say("Stopped before everything was stored")
        return INTERRUPTED
    console.error("Stopped by an error of the local stack itself: see above")
    return 1


def announce(options: StackOptions, console: StackConsole) -> None:
    """Print first whether the prices are real."""
    if options.is_simulated:
        console.say("SIMULATED data: the prices are invented, none of them is real (MARKET=live for real ones)")
    else:
        console.say("LIVE data: requested from the real exchanges")
    announce_scope(options, console)


def announce_scope(options: StackOptions, console: StackConsole) -> None:
    """Print what is fetched, and where it is stored."""
    console.say(f"Bucket {options.bucket}, exchanges {', '.join(options.exchanges)}, since {options.backfill}")


def _prepare_airflow(stack: LocalStack, console: StackConsole) -> None:
    """Create or upgrade Airflow's database, which takes 12 seconds, unless this version has already done so."""
    current, prepared = version("apache-airflow"), _prepared_version(stack)
    if prepared == current:
        stack.airflow.write_passwords()
        return
    console.say("Preparing Airflow's database, about 15 seconds, once")
    if stack.postgres and prepared is None:
        # This also replaces a database whose tables are incomplete because a run was killed.
        stack.postgres.create_database()
    stack.airflow.prepare()
    if stack.postgres:
        (stack.postgres.folder / _VERSION_FILE).write_text(current)


def _prepared_version(stack: LocalStack) -> str | None:
    """Return the version of Airflow that prepared the database; None if it is not known."""
    remembered = stack.postgres.folder / _VERSION_FILE if stack.postgres else None
    return remembered.read_text() if remembered and remembered.exists() else None
