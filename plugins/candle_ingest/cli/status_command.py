"""`status`: how far each symbol has got."""

from dataclasses import replace

import typer

from candle_ingest.cli.moments import moment_in_words, now_ms
from candle_ingest.cli.options import AsJson, Pipeline, pipeline_settings
from candle_ingest.cli.output import print_json, print_table
from candle_ingest.cli.storage import listed_symbols, open_bucket
from candle_ingest.planning.call_plan import duration_in_words
from candle_ingest.reports.completeness import SymbolCompleteness, read_completeness
from candle_ingest.reports.freshness import read_freshness


def status(pipeline: Pipeline = "candle", as_json: AsJson = False) -> None:
    """Watermarks and lag of each symbol, and whether it is complete. Exit status 1 where one is not."""
    settings, now = pipeline_settings(pipeline), now_ms()
    listed = listed_symbols(settings)
    tickers = {symbol.ticker for symbol in listed}
    with open_bucket(settings) as bucket:
        found = read_freshness(bucket, settings, listed, now)
        # What has only a watermark is no longer wanted, and nobody moves it.
        found = replace(found, symbols=[symbol for symbol in found.symbols if symbol.ticker in tickers])
        symbols = read_completeness(bucket, found, settings.timeframe, now)
    if as_json:
        print_json({"now_ms": now, "symbols": [symbol.to_dict() for symbol in symbols]})
    else:
        print_table(("symbol", "complete", "up to", "backfill", "catch-up", "state"), ("lag",), map(_row, symbols))
    if not all(symbol.complete for symbol in symbols):
        raise typer.Exit(1)


def _row(found: SymbolCompleteness) -> tuple[str, ...]:
    symbol = found.symbol
    return (
        symbol.currency_pair,
        "yes" if found.complete else "no",
        moment_in_words(found.complete_up_to_ms),
        moment_in_words(symbol.backfill_ms),
        moment_in_words(symbol.catch_up_ms),
        symbol.state,
        "-" if symbol.lag_ms is None else duration_in_words(symbol.lag_ms / 1000),
    )
