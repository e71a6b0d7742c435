"""`plan`: show what the backfill will cost, before it starts."""

from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated

import typer

from candle_ingest.candles.symbol import parse_symbol
from candle_ingest.candles.timeframe import Timeframe
from candle_ingest.candles.window import format_ms
from candle_ingest.cli.options import AsJson, Pipeline, pipeline_settings
from candle_ingest.cli.output import print_json, print_table, say
from candle_ingest.connections import connect_redis
from candle_ingest.durations import duration_in_words
from candle_ingest.errors.settings import HistoryEmptyError
from candle_ingest.planning.backfill import BackfillPlan, plan_backfill
from candle_ingest.planning.call_plan import ExchangePlan, shortened
from candle_ingest.planning.symbol_list import read_symbols
from candle_ingest.plurals import counted
from candle_ingest.servers.redis_errors import translate_redis_errors
from candle_ingest.settings import PipelineSettings

NUMBERS = ("symbols", "calls", "for trades", "takes", "candles up to")


def plan(
    pipeline: Pipeline = "candle",
    symbols: Annotated[str, typer.Option(help="Such as btcusd,ethusd; default: those in Redis")] = "",
    as_json: AsJson = False,
) -> None:
    """Show calls, hours and candles of the whole backfill, and what cannot be fetched.

    This requests the lists of markets and, from kraken, the number of trades per day. Exit status 1 if an exchange does
    not answer, or if no symbol is listed by enough exchanges.
    """
    settings = pipeline_settings(pipeline)
    found = _planned(settings, symbols)
    if not found.intervals:
        raise HistoryEmptyError(
            f"backfill_start_date is {settings.backfill_start_date}: there is no history to plan, as "
            f"no {settings.backfill_interval} interval has ended since"
        )
    if as_json:
        print_json(settings, asdict(found))
    else:
        _print(found, settings.timeframe)
    if found.unreachable or not any(plan.symbols for plan in found.exchanges):
        raise typer.Exit(1)


def _planned(settings: PipelineSettings, symbols: str) -> BackfillPlan:
    """Return the plan. Redis is needed only if no symbols are given."""
    now = datetime.now(UTC)
    if symbols:
        return plan_backfill(settings, [parse_symbol(text.strip()) for text in symbols.split(",")], None, now)
    with translate_redis_errors(), connect_redis() as client:
        return plan_backfill(settings, read_symbols(client, settings.redis_key_crypto_symbols), client, now)


def _print(found: BackfillPlan, timeframe: Timeframe) -> None:
    first, last = found.intervals[0], found.intervals[-1]
    say(
        f"{counted(len(found.intervals), 'interval')} from {format_ms(first.start_ms)} to {format_ms(last.end_ms)}, "
        f"candles of {timeframe.minutes} min"
    )
    print_table(("exchange",), NUMBERS, map(_row, found.exchanges))
    seconds = duration_in_words(found.seconds)
    say(f"The exchanges are fetched at the same time: {'' if seconds.startswith('<') else 'about '}{seconds} in all.")
    for text in _limits(found):
        say(text, style="yellow")
    for name, reason in found.unreachable.items():
        say(f"{name} is unreachable: {reason}", style="red")


def _row(plan: ExchangePlan) -> tuple[str, ...]:
    name = f"{plan.exchange}, rates" if plan.is_rates else plan.exchange
    return (
        name, f"{plan.symbols:,}", f"{plan.calls:,}", f"{plan.trade_calls:,}",
        duration_in_words(plan.seconds), f"{plan.candles:,}",
    )  # fmt: skip


def _limits(found: BackfillPlan) -> Iterator[str]:
    """Yield what cannot be fetched, in words."""
    for plan in found.exchanges:
        for pair, windows in plan.unavailable.items():
            end = format_ms(windows[-1].end_ms)
            yield f"{plan.exchange} no longer serves {pair} before {end}: those fetches will fail"
    if found.too_few:
        yield f"Left out, because too few exchanges list them: {shortened(found.too_few, 20)}"
