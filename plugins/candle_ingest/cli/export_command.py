"""`export`: write merged candles to a file."""

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from candle_ingest.candles.graded import GradedCandles
from candle_ingest.candles.symbol import parse_symbol
from candle_ingest.candles.window import Window, format_ms, split_rows
from candle_ingest.cli.moments import From, To, moment_ms, now_ms, window_between
from candle_ingest.cli.options import AsJson, Pipeline, pipeline_settings
from candle_ingest.cli.output import print_json, say, warn
from candle_ingest.cli.storage import check_symbols, open_bucket, unlisted_pairs
from candle_ingest.errors.settings import OptionError
from candle_ingest.plurals import counted
from candle_ingest.reports.completeness import follow_merged
from candle_ingest.reports.empty_columns import EmptyColumns
from candle_ingest.reports.expected_coverage import ExpectedCoverage
from candle_ingest.reports.graded_candles import read_graded_candles
from candle_ingest.reports.open_minutes import MERGE, OpenMinutes, blame_listing, read_open_minutes
from candle_ingest.settings import PipelineSettings
from candle_ingest.store.bucket import InfluxBucket
from candle_ingest.store.candle_file import FORMATS, write_candle_file
from candle_ingest.store.rate_store import quote_of

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

    Provisional minutes are merged, but at least one exchange has not had its closing look after the end of their day:
    its candles may still be corrected. A range that reaches into the future ends with the last candle expected by now.

    Cells of `vwap` and `trade_count` are empty if an exchange that was used does not send them (the reference of
    exchanges lists which do) or if there were no trades. Cells of rates are empty if no rate was needed or observed.
    """
    settings, pair = pipeline_settings(pipeline), parse_symbol(symbol).currency_pair
    if to_file.suffix not in FORMATS:
        raise OptionError(f"--to-file is {to_file}; its name ends in {' or '.join(FORMATS)}")
    window = window_between(moment_ms("--from", from_), moment_ms("--to", to))
    legs = _legs_of(settings, pair)
    empty = EmptyColumns(legs)
    with open_bucket(settings) as bucket:
        check_symbols(bucket, settings, [pair])
        window = _until_now(bucket, settings, pair, window)
        found = read_open_minutes(bucket, settings, pair, window)
        if OpenMinutes(pair, MERGE, [window]) in found and unlisted_pairs(settings, [pair]):
            found = blame_listing(found)
        refused = not allow_incomplete and not all(allow_provisional and part.is_provisional for part in found)
        count = None if refused else _write(empty.watch(_read(bucket, settings, pair, window)), to_file, legs)
    if sentence := empty.sentence():
        warn(sentence)
    if as_json:
        print_json(settings, {**_json_head(pair, window), "candles": count, "open": [asdict(part) for part in found]})
    else:
        _print(count, to_file, found)
    if refused:
        raise typer.Exit(1)


def _legs_of(settings: PipelineSettings, pair: str) -> list[str]:
    """Return the quotes that may be used instead of the pair's own."""
    quote = quote_of(pair)
    return [leg for leg in settings.quote_equivalents.get(quote, ()) if leg != quote]


def _json_head(pair: str, window: Window) -> dict[str, object]:
    return {"currency_pair": pair, "from_ms": window.start_ms, "to_ms": window.end_ms}


def _until_now(bucket: InfluxBucket, settings: PipelineSettings, pair: str, window: Window) -> Window:
    """Return the part of the window in which candles are expected by now or already merged; warn if it is shorter."""
    now = now_ms()
    expected_ms = ExpectedCoverage.of(settings, now).until_ms
    if window.end_ms <= expected_ms:
        return window
    merged_ms, _ = follow_merged(bucket, {pair: expected_ms}, now)
    end_ms = min(window.end_ms, merged_ms[pair])
    if end_ms <= window.start_ms:
        raise OptionError(f"--from is {format_ms(window.start_ms)}: there are candles only up to {format_ms(end_ms)}")
    if end_ms < window.end_ms:
        warn(f"The export ends at {format_ms(end_ms)}: there are no later candles yet")
    return Window(window.start_ms, end_ms)


def _read(bucket: InfluxBucket, settings: PipelineSettings, pair: str, window: Window) -> Iterator[GradedCandles]:
    for part in split_rows(window, settings.timeframe.ms, ROWS):
        yield read_graded_candles(bucket, pair, part)


def _write(parts: Iterable[GradedCandles], path: Path, legs: Sequence[str]) -> int:
    try:
        return write_candle_file(path, parts, legs)
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
