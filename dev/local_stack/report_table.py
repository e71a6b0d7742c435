"""The table of what is stored, one row per symbol."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from rich import box
from rich.table import Table
from rich.text import Text

from candle_ingest.cli.output import blocks, whole_width
from dev.local_stack.report import SymbolReport

NUMBERS = ("Stored", "Expected", "Quiet", "Missing")
HEADINGS = ("Symbol", *NUMBERS, "First", "Last", "Watermark")


def report_table(
    symbols: Sequence[SymbolReport], start: datetime, end: datetime, *, simulated: bool, width: int
) -> Table | Text:
    """Return the table of candles stored and expected; all times are UTC.

    It takes at most `width` columns: a narrow terminal gets dates above times, a very narrow one a block of lines for
    each symbol. Nothing is cut.
    """
    kind = "SIMULATED candles" if simulated else "Candles"
    title = f"{kind} from {_moment(start)} to {_moment(end)} UTC"
    for between in (" ", "\n"):
        table = _table(title, symbols, between)
        if whole_width(table) <= width:
            return table
    return Text(title + "\n").append(blocks(HEADINGS, (_cells(symbol, " ") for symbol in symbols)))


def _table(title: str, symbols: Sequence[SymbolReport], between: str) -> Table:
    padding = 1 if between == " " else 0
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, padding))
    for heading in HEADINGS:
        table.add_column(heading, justify="right" if heading in NUMBERS else "left", no_wrap=True)
    for symbol in symbols:
        table.add_row(*_cells(symbol, between), style="bold red" if symbol.missing_count else "")
    return table


def _cells(symbol: SymbolReport, between: str) -> list[str]:
    """Return the values of a row; `between` separates dates from times."""
    numbers = (symbol.stored_count, symbol.expected_count, symbol.quiet_count, symbol.missing_count)
    moments = (symbol.first_open_time_ms, symbol.last_open_time_ms, _watermark_ms(symbol))
    texts = [_moment_ms(moment).replace(" ", between) for moment in moments]
    return [symbol.currency_pair, *(f"{number:,}" for number in numbers), *texts]


def _watermark_ms(symbol: SymbolReport) -> int | None:
    """Return the later watermark: catch-up continues from that of the backfill."""
    marks = [mark for mark in (symbol.backfill_watermark_ms, symbol.catch_up_watermark_ms) if mark is not None]
    return max(marks, default=None)


def what_is_missing(symbols: Sequence[SymbolReport], requested_tickers: Sequence[str]) -> str | None:
    """Return one sentence that names the incomplete symbols; None if all are complete."""
    absent = sorted(set(requested_tickers) - {symbol.ticker for symbol in symbols})
    if absent:
        return f"Nothing is stored for {', '.join(absent)}: see the log of validate_symbols in Airflow"
    missing = [symbol for symbol in symbols if symbol.missing_count]
    if not missing:
        return None
    counts = ", ".join(f"{symbol.currency_pair} {symbol.missing_count:,}" for symbol in missing)
    reason = next((f". {symbol.waits_for}" for symbol in missing if symbol.waits_for), "")
    return f"Candles are missing: {counts}{reason}"


def _moment_ms(milliseconds: int | None) -> str:
    return "-" if milliseconds is None else _moment(datetime.fromtimestamp(milliseconds / 1000, UTC))


def _moment(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M}"
