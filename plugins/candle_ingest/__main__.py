"""The command line: `bin/candle-ingest` and the console script of the installed package."""

import logging
import os
import sys
from importlib import import_module

# Airflow reads connections from its database only in processes that are marked as a server.
os.environ.setdefault("_AIRFLOW_PROCESS_CONTEXT", "server")

import structlog
import typer

from candle_ingest.cli.output import printable
from candle_ingest.cli.plain_help import PlainCommand, PlainGroup
from candle_ingest.errors import CandleIngestError, TemporaryError

COMMANDS = ("plan", "status", "coverage", "retry", "explain", "exchanges", "export", "doctor")
# Exit status 1 is a command's own: candles are missing. A wrong call or value, and a server that does not answer, say
# nothing about the candles.
BAD_CALL, NO_ANSWER = 2, 3
app = typer.Typer(
    name="candle-ingest",
    cls=PlainGroup,
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
)
# Only the command that is called: what the others import takes half a second more.
for name in [argument for argument in sys.argv[1:2] if argument in COMMANDS] or COMMANDS:
    app.command(cls=PlainCommand)(getattr(import_module(f"candle_ingest.cli.{name}_command"), name))


@app.callback()
def commands() -> None:
    """Candles of several exchanges in InfluxDB: what is planned, and what is stored."""


def main() -> None:
    """Exit with 0 when all is well, 1 for incomplete data, 2 for a bad call or value, 3 if a server does not answer."""
    _log_to_stderr()
    run_command()


def run_command() -> None:
    """Do what `main` does, without changing the logging of the process."""
    try:
        app(prog_name="candle-ingest")
    except CandleIngestError as error:
        typer.secho(printable(str(error)), fg="red", err=True)
        sys.exit(NO_ANSWER if isinstance(error, TemporaryError) else BAD_CALL)


def _log_to_stderr() -> None:
    """Move Airflow's log lines from the standard output, which is for results, to the standard error."""
    for handler in logging.getLogger().handlers:
        if isinstance(handler, logging.StreamHandler) and handler.stream is sys.stdout:
            handler.setStream(sys.stderr)
    factory = structlog.get_config()["logger_factory"]
    if getattr(factory, "io", "unknown") is None:
        factory.io = sys.stderr


if __name__ == "__main__":
    main()
