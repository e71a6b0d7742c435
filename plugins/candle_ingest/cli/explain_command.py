"""`explain`: why one merged candle is as it is."""

from dataclasses import asdict
from typing import Annotated, Any

import typer

from candle_ingest.candles.symbol import parse_symbol
from candle_ingest.cli.moments import moment_ms
from candle_ingest.cli.options import AsJson, Pipeline, pipeline_settings
from candle_ingest.cli.output import print_json, print_table, say
from candle_ingest.cli.storage import open_bucket
from candle_ingest.ledger.minute_state import SETTLED
from candle_ingest.reports.explanation import USED, Explanation, Ohlcv, Part
from candle_ingest.reports.minute_candles import explain_minute

NUMBERS = ("open", "high", "low", "close", "volume")


def explain(
    symbol: Annotated[str, typer.Argument(help="Such as BTC/USD")],
    time: Annotated[str, typer.Argument(help="A moment within the candle, such as 2026-11-20T12:00Z")],
    pipeline: Pipeline = "candle",
    as_json: AsJson = False,
) -> None:
    """Each exchange's part in one candle, and what was left out. Exit status 1 where it is not complete."""
    settings, pair = pipeline_settings(pipeline), parse_symbol(symbol).currency_pair
    with open_bucket(settings) as bucket:
        found = explain_minute(
            bucket, pair, moment_ms("time", time), settings.timeframe, settings.exchange_ids, settings.high_low
        )
    if as_json:
        print_json(_content(pair, found))
    else:
        _print(pair, found)
    if not is_complete(found):
        raise typer.Exit(1)


def is_complete(found: Explanation) -> bool:
    """Whether every exchange's candle is in the merged one, or there is none to be had."""
    return found.agrees and all(part.state in (USED, *SETTLED) for part in found.parts)


def _content(pair: str, found: Explanation) -> dict[str, Any]:
    return {
        "currency_pair": pair,
        "open_time_ms": found.window.start_ms,
        "complete": is_complete(found),
        "agrees": found.agrees,
        "parts": [_part(part) for part in found.parts],
        "merged": _named(found.merged),
        "stored": _named(found.stored.ohlcv) if found.stored else None,
        "stored_exchanges": found.stored.exchanges if found.stored else [],
    }


def _part(part: Part) -> dict[str, Any]:
    return {
        "exchange": part.exchange,
        "state": part.state,
        "market": part.candle.market if part.candle else "",
        "weight": part.weight,
        "candle": _named(part.candle.ohlcv) if part.candle else None,
        "stretch": asdict(part.stretch) if part.stretch else None,
    }


def _named(ohlcv: Ohlcv | None) -> dict[str, float] | None:
    return None if ohlcv is None else dict(zip(NUMBERS, ohlcv, strict=True))


def _print(pair: str, found: Explanation) -> None:
    say(f"{pair}, {found.window}")
    rows = [_row(part) for part in found.parts]
    if found.stored:
        rows.append(("merged", "stored", "", *_values(found.stored.ohlcv), ""))
    print_table(("", "state", "market"), (*NUMBERS, "weight"), rows)
    for part in found.parts:
        if part.stretch and part.stretch.reason:
            say(f"{part.exchange}: {part.stretch.reason}")
    if found.waiting:
        say(f"Not merged: {found.waiting}")
    say(_verdict(found))


def _row(part: Part) -> tuple[str, ...]:
    values = _values(part.candle.ohlcv if part.candle else None)
    weight = "-" if part.weight is None else f"{part.weight:.1%}"
    return (part.exchange, part.state, part.candle.market if part.candle else "", *values, weight)


def _values(ohlcv: Ohlcv | None) -> list[str]:
    return ["-"] * len(NUMBERS) if ohlcv is None else [f"{value:.10g}" for value in ohlcv]


def _verdict(found: Explanation) -> str:
    if not found.agrees:
        return "The stored candle is not what its parts give now: merge the interval again"
    if not is_complete(found):
        return "Not complete: see the states above"
    return "Complete" if found.stored else "Complete: nobody traded, so there is no candle"
