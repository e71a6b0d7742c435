"""What is stored of each symbol, as counted by the program `stored_candles`."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from datetime import datetime

from dev.local_stack.airflow_processes import REPOSITORY
from dev.local_stack.errors import StackReportError
from dev.local_stack.shortened import shortened
from dev.local_stack.stack import LocalStack

_TIMEOUT_SECONDS = 300


@dataclass(frozen=True, kw_only=True)
class SymbolReport:
    """One symbol in a range: `expected_count` = stored + quiet + missing; times are open times in milliseconds.

    `waits_for` names the symbol and says what its first candles that are not merged wait for.
    """

    ticker: str
    currency_pair: str
    expected_count: int
    stored_count: int
    quiet_count: int
    missing_count: int
    first_open_time_ms: int | None
    last_open_time_ms: int | None
    backfill_watermark_ms: int | None
    final_watermark_ms: int | None
    catch_up_watermark_ms: int | None
    waits_for: str = ""


def read_reports(stack: LocalStack, start: datetime, end: datetime) -> list[SymbolReport]:
    """Return a report for each symbol, from `start` (inclusive) to `end` (exclusive). Raises LocalStackError."""
    moments = [str(int(moment.timestamp() * 1000)) for moment in (start, end)]
    answer = subprocess.run(  # noqa: S603 - our own interpreter and module
        [sys.executable, "-m", "dev.local_stack.stored_candles", *moments],
        cwd=REPOSITORY,
        env=stack.report_environment(),
        capture_output=True,
        text=True,
        timeout=_TIMEOUT_SECONDS,
        check=False,
    )
    if answer.returncode != 0:
        last = (answer.stderr.strip() or "no output").splitlines()[-1]
        raise StackReportError(f"Can't read what is stored: {shortened(last)}")
    # Importing Airflow may print lines; ours is the last one.
    return [SymbolReport(**row) for row in json.loads(answer.stdout.strip().splitlines()[-1])]
