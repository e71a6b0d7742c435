"""The commands of the terminal: `bin/candle-ingest` calls `python -m candle_ingest`."""

import logging
import os
import sys

# Airflow looks into its database for connections only in processes that say so.
os.environ.setdefault("_AIRFLOW_PROCESS_CONTEXT", "server")

import structlog
import typer

from candle_ingest.cli.coverage_command import coverage
from candle_ingest.cli.exchanges_command import exchanges
from candle_ingest.cli.explain_command import explain
from candle_ingest.cli.export_command import export
from candle_ingest.cli.plan_command import plan
from candle_ingest.cli.status_command import status
from candle_ingest.errors import CandleIngestError

app = typer.Typer(name="candle-ingest", add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False)
for command in (plan, status, coverage, explain, exchanges, export):
    app.command()(command)


@app.callback()
def commands() -> None:
    """Candles of several exchanges in InfluxDB: what is planned, and what is there."""


def main() -> None:
    """Exit status: 0 when all is well, 1 when something is missing or wrong, 2 for a wrong command."""
    try:
        app(prog_name="candle-ingest")
    except CandleIngestError as error:
        typer.secho(str(error), fg="red", err=True)
        sys.exit(1)


def _log_to_stderr() -> None:
    """Airflow logs to the standard output, which is for the answers here."""
    for handler in logging.getLogger().handlers:
        if isinstance(handler, logging.StreamHandler) and handler.stream is sys.stdout:
            handler.setStream(sys.stderr)
    factory = structlog.get_config()["logger_factory"]
    if getattr(factory, "io", "unknown") is None:
        factory.io = sys.stderr


if __name__ == "__main__":
    # Of the whole process: not for whoever calls main().
    _log_to_stderr()
    main()
