"""`export`: write merged candles to a file."""

import os
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from candle_ingest.candles.symbol import parse_symbol
from candle_ingest.candles.window import Window, split_rows
from candle_ingest.cli.moments import From, To, moment_ms, window_between
from candle_ingest.cli.options import AsJson, Pipeline, pipeline_settings
from candle_ingest.cli.output import print_json, say
from candle_ingest.cli.storage import check_symbols, open_bucket
from candle_ingest.counting import counted
from candle_ingest.errors.settings import OptionError
from candle_ingest.reports.graded_candles import read_graded_candles
from candle_ingest.reports.open_minutes import OpenMinutes, read_open_minutes
from candle_ingest.settings import PipelineSettings
from candle_ingest.store.bucket import InfluxBucket
from candle_ingest.store.candle_file import FORMATS, write_candle_file

# One month of minutes is in memory at a time.
ROWS = 44_640


def export(
    symbol: Annotated[str, typer.Argument(help="Such as BTC/USD")],
    from_: From,
    to: To,
    to_file: Annotated[Path, typer.Option(help="File to write, .parquet or .csv")],
    allow_incomplete: Annotated[
        bool, typer.Option("--allow-incomplete", help="Export what there is, with gaps")
    ] = False,
    allow_provisional: Annotated[
        bool, typer.Option("--allow-provisional", help="Also export days that may still be corrected")
    ] = False,
    pipeline: Pipeline = "candle",
    as_json: AsJson = False,
) -> None:
    """Write merged candles with quality and grade to a file. Exit status 1, and no file, unless all are final.

    Provisional minutes are merged, but some exchange has not yet had the closing look after the end of their day: its
    candles may still be corrected.
    """
    settings, pair = pipeline_settings(pipeline), parse_symbol(symbol).currency_pair
    if to_file.suffix not in FORMATS:
        raise OptionError(f"--to-file is {to_file}; its name ends in {' or '.join(FORMATS)}")
    window = window_between(moment_ms("--from", from_), moment_ms("--to", to))
    with open_bucket(settings) as bucket:
        check_symbols(bucket, settings, [pair])
        found = read_open_minutes(bucket, settings, pair, window)
        refused = not allow_incomplete and not all(allow_provisional and part.is_provisional for part in found)
        count = None if refused else _write(bucket, settings, pair, window, to_file)
    if as_json:
        print_json({"currency_pair": pair, "candles": count, "open": [asdict(part) for part in found]})
    else:
        _print(count, to_file, found)
    if refused:
        raise typer.Exit(1)


def _write(bucket: InfluxBucket, settings: PipelineSettings, pair: str, window: Window, path: Path) -> int:
    quote = pair.partition("/")[2]
    legs = [leg for leg in settings.quote_equivalents.get(quote, ()) if leg != quote]
    try:
        parts = split_rows(window, settings.timeframe.ms, ROWS)
        return write_candle_file(path, (read_graded_candles(bucket, pair, part) for part in parts), legs)
    except OSError as error:
        # Parquet's own message names the unfinished file.
        reason = os.strerror(error.errno) if error.errno else error
        raise OptionError(
            f"--to-file is {path}: cannot be written ({reason}); name an existing folder that you may write to"
        ) from error


def _print(count: int | None, path: Path, found: list[OpenMinutes]) -> None:
    for part in found:
        say(str(part))
    if count is not None:
        say(f"{counted(count, 'candle')} in {path}")
    elif all(part.is_provisional for part in found):
        say(f"{path} is not written: the candles may still be corrected. --allow-provisional writes them")
    else:
        say(f"{path} is not written: the candles are not complete. --allow-incomplete writes what there is")
