"""The table of what is stored, one line per symbol."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from rich import box
from rich.table import Table

from dev.local_stack.report import SymbolReport


def report_table(symbols: Sequence[SymbolReport], start: datetime, end: datetime, *, simulated: bool) -> Table:
    """Return the table of candles stored and expected; all times are UTC. It fits 80 columns: moments may wrap."""
    kind = "SIMULATED candles" if simulated else "Candles"
    title = f"{kind} from {_moment(start)} to {_moment(end)} UTC"
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("Symbol", no_wrap=True)
    for heading in ("Stored", "Expected", "Quiet", "Missing"):
        table.add_column(heading, justify="right", no_wrap=True)
    for heading in ("First", "Last", "Watermark"):
        table.add_column(heading)
    for symbol in symbols:
        numbers = (symbol.stored_count, symbol.expected_count, symbol.quiet_count, symbol.missing_count)
        moments = (symbol.first_open_time_ms, symbol.last_open_time_ms, _watermark_ms(symbol))
        cells = [*(f"{number:,}" for number in numbers), *map(_moment_ms, moments)]
        table.add_row(symbol.currency_pair, *cells, style="bold red" if symbol.missing_count else "")
    return table


def _watermark_ms(symbol: SymbolReport) -> int | None:
    """Return the later one: catch-up goes on from where the backfill is."""
    marks = [mark for mark in (symbol.backfill_watermark_ms, symbol.catch_up_watermark_ms) if mark is not None]
    return max(marks, default=None)


def what_is_missing(symbols: Sequence[SymbolReport], asked_tickers: Sequence[str]) -> str | None:
    """Return one sentence naming the symbols that are not complete; None if everything is there."""
    absent = sorted(set(asked_tickers) - {symbol.ticker for symbol in symbols})
    if absent:
        return f"Nothing is stored of {', '.join(absent)}: see the log of validate_symbols in Airflow."
    missing = [symbol for symbol in symbols if symbol.missing_count]
    if not missing:
        return None
    counts = ", ".join(f"{symbol.currency_pair} {symbol.missing_count:,}" for symbol in missing)
    reason = next((f" {symbol.currency_pair}, {symbol.waits_for}." for symbol in missing if symbol.waits_for), "")
    return f"Candles are missing: {counts}.{reason}"


def _moment_ms(milliseconds: int | None) -> str:
    return "-" if milliseconds is None else _moment(datetime.fromtimestamp(milliseconds / 1000, UTC))


def _moment(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M}"
