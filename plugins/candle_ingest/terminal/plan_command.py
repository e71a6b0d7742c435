"""`plan`: what the backfill would cost the exchanges, before it starts."""

import json
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from candle_ingest.adapters.connections import connect_redis
from candle_ingest.adapters.redis_errors import sorted_redis_errors
from candle_ingest.adapters.symbol_list import read_symbols
from candle_ingest.core.symbol import parse_symbol
from candle_ingest.core.window import format_ms
from candle_ingest.tasks.call_plan import duration_in_words, in_short
from candle_ingest.tasks.plan_backfill import BackfillPlan, plan_backfill
from candle_ingest.terminal.options import AsJson, Pipeline, pipeline_settings


def plan(
    pipeline: Pipeline = "candle",
    symbols: Annotated[str, typer.Option(help="Such as btcusd,ethusd; without it those in Redis")] = "",
    as_json: AsJson = False,
) -> None:
    """Calls, hours and candles of the whole backfill, and what cannot be had.

    Asks for markets, and kraken for its trades per day.
    """
    settings = pipeline_settings(pipeline)
    if symbols:
        client, wanted = None, [parse_symbol(text.strip()) for text in symbols.split(",")]
    else:
        client = connect_redis()
        with sorted_redis_errors():
            wanted = read_symbols(client, settings.redis_key_crypto_symbols)
    found = plan_backfill(settings, wanted, client, datetime.now(UTC))
    if as_json:
        typer.echo(json.dumps(asdict(found)))
    else:
        _print(found, settings.candle_granularity_minutes)
    if found.unreachable:
        raise typer.Exit(1)


def _print(found: BackfillPlan, granularity_minutes: int) -> None:
    console = Console(highlight=False)
    first, last = found.intervals[0], found.intervals[-1]
    console.print(
        f"{len(found.intervals)} intervals from {format_ms(first.start_ms)} to {format_ms(last.end_ms)}, "
        f"candles of {granularity_minutes} min"
    )
    table = Table(box=None, pad_edge=False)
    table.add_column("exchange", no_wrap=True)
    for name in ("symbols", "calls", "for trades", "takes", "candles up to"):
        table.add_column(name, justify="right", no_wrap=True)
    for plan in found.exchanges:
        table.add_row(
            plan.exchange, f"{plan.symbols:,}", f"{plan.calls:,}", f"{plan.trade_calls:,}",
            duration_in_words(plan.seconds), f"{plan.candles:,}",
        )  # fmt: skip
    console.print(table)
    console.print(f"The exchanges are asked at the same time: about {duration_in_words(found.seconds)} in all.")
    _print_problems(found, console)


def _print_problems(found: BackfillPlan, console: Console) -> None:
    for plan in found.exchanges:
        for pair, windows in plan.unavailable.items():
            end = format_ms(windows[-1].end_ms)
            console.print(f"[yellow]{plan.exchange} no longer serves {pair} before {end}: those fetches will fail")
    if found.too_few:
        console.print(f"[yellow]Not on enough exchanges, left out: {in_short(found.too_few, 20)}")
    for name, reason in found.unreachable.items():
        console.print(f"[red]{name} could not be asked: {reason}")
