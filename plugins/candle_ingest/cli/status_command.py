"""`status`: show how far each symbol is merged, and what is missing."""

from dataclasses import asdict, replace

import typer

from candle_ingest.candles.window import DAY_MS, Window, format_ms
from candle_ingest.cli.moments import moment_in_words, now_ms
from candle_ingest.cli.options import AsJson, Pipeline, pipeline_settings
from candle_ingest.cli.output import print_json, print_table, say
from candle_ingest.cli.storage import listed_symbols, open_bucket, unlisted_pairs
from candle_ingest.durations import duration_in_words
from candle_ingest.plurals import counted
from candle_ingest.reports.completeness import SymbolCompleteness, read_completeness
from candle_ingest.reports.expected_coverage import ExpectedCoverage
from candle_ingest.reports.freshness import read_freshness
from candle_ingest.reports.largest_holes import DayHole
from candle_ingest.reports.summary import Summary, read_summary
from candle_ingest.reports.worst_minutes import WorstMinute, read_worst_minutes


def status(pipeline: Pipeline = "candle", as_json: AsJson = False) -> None:
    """Show how far each symbol is merged and complete, and what is open.

    Complete up to a day means that every exchange has a final record of each day before it. Exit status 1 if a symbol
    is late, has something open, is listed by too few exchanges, or has a record that cannot be read.
    """
    settings, now = pipeline_settings(pipeline), now_ms()
    listed = listed_symbols(settings)
    unlisted = unlisted_pairs(settings, [symbol.currency_pair for symbol in listed])
    with open_bucket(settings) as bucket:
        found = read_freshness(bucket, settings, listed, now, unlisted)
        # The watermarks of symbols that were removed from Redis no longer move.
        found = replace(found, symbols=found.wanted)
        symbols = read_completeness(bucket, found, ExpectedCoverage.of(settings, now), now)
        summary = read_summary(bucket, settings, listed, now, unlisted)
        worst = read_worst_minutes(bucket, Window(now - DAY_MS, now), {symbol.currency_pair for symbol in listed})
    if as_json:
        rows = [symbol.to_dict() for symbol in symbols]
        minutes = [asdict(minute) for minute in worst]
        problems = {"unreadable": summary.unreadable, "sentence": summary.sentence}
        print_json(settings, {"now_ms": now, "symbols": rows, "worst_minutes": minutes, **problems})
    else:
        _print(symbols, summary, worst)
    if summary.unreadable or not all(symbol.up_to_date for symbol in symbols):
        raise typer.Exit(1)


def _print(symbols: list[SymbolCompleteness], summary: Summary, worst: list[WorstMinute]) -> None:
    print_table(
        ("symbol", "up to date", "merged up to", "complete up to"), ("open", "unobtainable", "lag"), map(_row, symbols)
    )
    for problem in (*(symbol.problem for symbol in symbols if symbol.problem), *summary.unreadable.values()):
        say(problem, "red")
    for hole in summary.holes:
        say(_in_words(hole))
    if worst:
        say("The worst minutes of the last day:")
    for minute in worst:
        say(f"  {minute}")
    say(summary.sentence)


def _row(found: SymbolCompleteness) -> tuple[str, ...]:
    symbol = found.symbol
    return (
        symbol.currency_pair,
        "yes" if found.up_to_date else "no",
        moment_in_words(found.merged_up_to_ms),
        moment_in_words(found.complete_up_to_ms),
        f"{found.counts.open:,}",
        f"{found.unobtainable:,}",
        "-" if symbol.lag_ms is None else duration_in_words(symbol.lag_ms / 1000),
    )


def _in_words(hole: DayHole) -> str:
    since = f" since {format_ms(hole.since_ms)}" if hole.since_ms else ""
    again = f"; next request at {format_ms(hole.due_ms)}" if hole.due_ms else ""
    reason = f": {hole.reason}" if hole.reason else ""
    day = format_ms(hole.day_ms)[:10]
    state = hole.state.replace("_", " ")
    return (
        f"{hole.currency_pair} @ {hole.exchange}, {day}: {counted(hole.count, 'candle')} {state}{since}{again}{reason}"
    )
