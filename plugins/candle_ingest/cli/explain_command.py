"""`explain`: show how one merged candle was made."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from typing import Annotated, Any

import typer

from candle_ingest.candles.symbol import parse_symbol
from candle_ingest.cli.moments import moment_ms, now_ms
from candle_ingest.cli.options import AsJson, Pipeline, pipeline_settings
from candle_ingest.cli.output import print_json, print_table, say
from candle_ingest.cli.storage import check_symbols, open_bucket, unlisted_pairs, why_not_fetched
from candle_ingest.errors.symbols import NothingMergedError
from candle_ingest.reports.explanation import Explanation, Ohlcv, Part
from candle_ingest.reports.explanation_words import part_in_words, verdict
from candle_ingest.reports.last_minute import last_final_minute_ms
from candle_ingest.reports.minute_candles import explain_minute
from candle_ingest.reports.unlisted import nothing_merged
from candle_ingest.settings import PipelineSettings
from candle_ingest.store.bucket import InfluxBucket

NUMBERS = ("open", "high", "low", "close", "volume")


def explain(
    symbol: Annotated[str, typer.Argument(help="Such as BTC/USD")],
    time: Annotated[
        str, typer.Argument(help="A moment within the candle, such as 2026-11-20T12:00Z; default: the last final one")
    ] = "",
    pipeline: Pipeline = "candle",
    as_json: AsJson = False,
) -> None:
    """Show how the price of one candle is made: each exchange's candle, rate and weight, and what was left out.

    Exit status 1 unless its time is merged, what is stored equals what its parts give now, and every exchange's answer
    is settled. A candle that is not final yet can be all of that.
    """
    settings, pair = pipeline_settings(pipeline), parse_symbol(symbol).currency_pair
    with open_bucket(settings) as bucket:
        check_symbols(bucket, settings, [pair])
        time_ms = moment_ms("time", time) if time else _last_final_minute_ms(bucket, settings, pair)
        found = explain_minute(bucket, settings, pair, time_ms, now_ms())
    if not found.was_asked and (reason := why_not_fetched(settings, pair)):
        found = replace(found, when_asked=reason)
    if as_json:
        print_json(settings, _content(pair, found))
    else:
        _print(pair, found)
    if not (found.is_merged and found.is_complete):
        raise typer.Exit(1)


def _last_final_minute_ms(bucket: InfluxBucket, settings: PipelineSettings, pair: str) -> int:
    try:
        return last_final_minute_ms(bucket, pair)
    except NothingMergedError:
        if unlisted_pairs(settings, [pair]):
            raise nothing_merged(pair) from None
        raise


def _content(pair: str, found: Explanation) -> dict[str, Any]:
    words = verdict(found)
    return {
        "currency_pair": pair,
        "open_time_ms": found.window.start_ms,
        "merged": found.is_merged,
        "complete": found.is_merged and found.is_complete,
        "agrees": found.agrees,
        "grade": found.grade,
        "verdict": str(words),
        "parts": [_part(part) for part in found.parts],
        "computed": _named(found.merged),
        "stored": _named(found.stored_candle),
        "stored_exchanges": found.stored.exchanges if found.stored else [],
    }


def _part(part: Part) -> dict[str, Any]:
    priced = part.priced
    return {
        "exchange": part.exchange,
        "state": part.state,
        "market": part.candle.market if part.candle else "",
        "candle": _named(part.candle.ohlcv) if part.candle else None,
        "rate": priced.rate if priced and priced.conversion else None,
        "rate_source": priced.rate_source if priced else "",
        "converted": _named(priced.converted) if priced else None,
        "counted": _named(priced.counted) if priced else None,
        "weight": priced.weight if priced else None,
        "percent": part.percent,
        "notes": priced.notes if priced else [],
        "stretch": asdict(part.stretch) if part.stretch else None,
    }


def _named(ohlcv: Ohlcv | None) -> dict[str, float] | None:
    return None if ohlcv is None else dict(zip(NUMBERS, ohlcv, strict=True))


def _print(pair: str, found: Explanation) -> None:
    """Print a table that fits into 80 columns, then a sentence for each exchange, then the verdict."""
    say(f"{pair}, {found.window}")
    print_table(("",), (*NUMBERS, "weight"), _rows(found))
    for part in found.parts:
        say(f"{part.exchange}: {part_in_words(part)}")
    say(str(verdict(found)))


def _rows(found: Explanation) -> Iterator[tuple[str, ...]]:
    for part in found.parts:
        steps = [("", part.candle.ohlcv if part.candle else None), *_steps(part)]
        weight = "-" if part.percent is None else f"{part.percent:.2f} %"
        for place, (step, ohlcv) in enumerate(steps):
            name = f"  {step}" if step else part.exchange
            yield (name, *_values(ohlcv), weight if place == len(steps) - 1 else "")
    if found.merged != found.stored_candle and not (found.is_merged and found.agrees):
        yield ("computed" if found.is_merged else "would be merged", *_values(found.merged), "")
    if found.is_merged:
        yield ("merged", *_values(found.stored_candle), "")


def _steps(part: Part) -> Iterator[tuple[str, Ohlcv | None]]:
    """Yield the candle after each step: converted at its rate, and with its wick clamped."""
    if part.priced and part.priced.conversion and part.priced.rate != 1:
        yield f"× {part.priced.rate:.6g}", part.priced.converted
    if part.priced and part.priced.is_clamped:
        yield "clamped", part.priced.counted


def _values(ohlcv: Ohlcv | None) -> Sequence[str]:
    if ohlcv is None:
        return ["-"] * len(NUMBERS)
    return [*(f"{value:.8g}" for value in ohlcv[:-1]), f"{ohlcv[-1]:.6g}"]
