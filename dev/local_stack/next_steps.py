"""The last lines of a start: the addresses of everything, and three things to try next."""

from __future__ import annotations

import shlex
import webbrowser
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from candle_ingest.settings import PipelineSettings
from dev.local_stack.airflow_processes import ADMIN
from dev.local_stack.ports import HOST
from dev.local_stack.report import SymbolReport
from dev.local_stack.stack import LocalStack
from dev.local_stack.terminal_file import terminal_file

Say = Callable[[str], None]
_GO_LIVE = "make run MARKET=live uses the real exchanges, in a separate bucket: docs/how-to/go-live.md"


def page_url(stack: LocalStack) -> str:
    """Return the address of the page in Airflow's UI; a signed-out user is led to the sign-in first."""
    return f"{stack.airflow.url}/plugin/candles"


def show_servers(stack: LocalStack, settings: PipelineSettings, say: Say) -> None:
    """Print the addresses of the running servers."""
    say(f"Airflow     {stack.airflow.url}")
    say(f"InfluxDB    {stack.influxdb.url}  organization {stack.influxdb.org}, bucket {settings.influxdb_bucket}")
    say(f"Redis       {stack.redis.host}:{stack.redis.port}  key {settings.redis_key_crypto_symbols}")
    if stack.postgres:
        say(f"PostgreSQL  {HOST}:{stack.postgres.port}  user {stack.postgres.user}")
    if stack.simulator_url:
        say(f"Simulator   {stack.simulator_url}  SIMULATED prices, none of them real")
    say(f"Secrets     {stack.folder / 'secrets.json'}  logs {stack.logs}")
    say("Catching up every five minutes, repairing every hour; Ctrl-C stops everything")


def show_next_steps(stack: LocalStack, reports: Sequence[SymbolReport], say: Say) -> None:
    """Print what to try next while everything runs; the only place that shows the password."""
    say("Try next:")
    say(f"1. Page       {page_url(stack)}  sign in as {ADMIN}, password {stack.secrets.airflow_admin_password}")
    minute = _minute(reports)
    command = minute.command if minute else "status"
    say(f"2. Terminal   . {shlex.quote(str(terminal_file(stack)))} && candle-ingest {command}")
    if minute and not minute.is_final:
        say("              No day is final yet: repair may still correct this minute")
    say(f"3. Go live    {_GO_LIVE}")


def show_next_starts(say: Say) -> None:
    """Print what to try next once everything has ended."""
    say("Try next:")
    say("1. Keep it running   make run continues from here, with the page, the terminal and catch-up")
    say("2. Other data        make run ONCE=1 SYMBOLS=ethbtc,btceur EXCHANGES=kraken,kucoin BACKFILL=30_days_ago")
    say(f"3. Go live           {_GO_LIVE}")


def open_page(stack: LocalStack, say: Say) -> None:
    """Open the page in the user's browser."""
    if not webbrowser.open(page_url(stack)):
        say(f"OPEN=1: no browser was found here; open {page_url(stack)}")


@dataclass(frozen=True, kw_only=True)
class _Minute:
    """The minute that the suggested `explain` command shows."""

    currency_pair: str
    open_time_ms: int
    is_final: bool

    @property
    def command(self) -> str:
        moment = datetime.fromtimestamp(self.open_time_ms / 1000, UTC)
        return f"explain {self.currency_pair} {moment:%Y-%m-%dT%H:%MZ}"


def _minute(reports: Sequence[SymbolReport]) -> _Minute | None:
    """Return the last final minute of a symbol, else its newest one, which may still change."""
    final = [(report.currency_pair, report.final_watermark_ms, True) for report in reports]
    newest = [(report.currency_pair, report.last_open_time_ms, False) for report in reports]
    for pair, time_ms, is_final in (*final, *newest):
        if time_ms is not None:
            return _Minute(currency_pair=pair, open_time_ms=time_ms, is_final=is_final)
    return None
