"""Ask Redis and InfluxDB what is stored: run as a program of its own, it prints JSON.

Apart from the local stack's own process, because the package asks Airflow for its connections, and importing
Airflow writes a configuration file into AIRFLOW_HOME.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import asdict, dataclass, fields
from datetime import datetime

from include.local_stack.airflow_processes import REPOSITORY
from include.local_stack.errors import LocalStackError
from include.local_stack.pipeline import default_pipeline
from include.local_stack.stack import LocalStack

_TIMEOUT_SECONDS = 300


@dataclass(frozen=True, kw_only=True)
class SymbolReport:
    """What is stored of one symbol in a range; times are open times in milliseconds."""

    ticker: str
    currency_pair: str
    expected_count: int
    stored_count: int
    quiet_count: int
    missing_count: int
    first_open_time_ms: int | None
    last_open_time_ms: int | None
    backfill_watermark_ms: int | None
    catch_up_watermark_ms: int | None


def ask_report(stack: LocalStack, start: datetime, end: datetime) -> list[SymbolReport]:
    """What is stored from `start` up to and without `end`. Raises LocalStackError."""
    moments = [str(int(moment.timestamp() * 1000)) for moment in (start, end)]
    answer = subprocess.run(  # noqa: S603 - our own interpreter and module
        [sys.executable, "-m", "include.local_stack.report", *moments],
        cwd=REPOSITORY,
        env=stack.report_environment(),
        capture_output=True,
        text=True,
        timeout=_TIMEOUT_SECONDS,
        check=False,
    )
    if answer.returncode != 0:
        last = (answer.stderr.strip() or "no output").splitlines()[-1]
        raise LocalStackError(f"Can't read what is stored: {last[:300]}")
    # Airflow's import may write lines of its own; ours is the last one.
    rows = json.loads(answer.stdout.strip().splitlines()[-1])
    names = [field.name for field in fields(SymbolReport)]
    return [SymbolReport(**{name: row[name] for name in names}) for row in rows]


def main() -> None:
    """Print the report of the default pipeline for the range given in milliseconds."""
    from candle_ingest.status import pipeline_status

    start_ms, end_ms = (int(text) for text in sys.argv[1:3])
    symbols = pipeline_status(default_pipeline(os.environ), start_ms, end_ms)
    sys.stdout.write(json.dumps([asdict(symbol) for symbol in symbols]) + "\n")


if __name__ == "__main__":
    main()
