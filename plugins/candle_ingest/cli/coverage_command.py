"""`coverage`: how the minutes of each symbol and exchange add up."""

from collections.abc import Sequence
from dataclasses import asdict
from itertools import groupby
from typing import Annotated

import typer

from candle_ingest.candles.window import DAY_MS, MINUTE_MS, Window, floor_ms, format_ms
from candle_ingest.cli.moments import moment_ms, now_ms, window_between
from candle_ingest.cli.options import AsJson, Pipeline, pipeline_settings
from candle_ingest.cli.output import print_json, print_table, say
from candle_ingest.cli.storage import listed_symbols, open_bucket
from candle_ingest.ledger.coverage import Account
from candle_ingest.ledger.daily_coverage import DailyCoverage
from candle_ingest.ledger.day_account import DayAccount, total, with_unasked
from candle_ingest.reports.freshness import history_window
from candle_ingest.settings import PipelineSettings

NUMBERS = ("expected", "present", "quiet", "not listed", "suspected", "rejected", "failed", "not asked")
# The last run of a day needs some time after midnight.
GRACE_MS = 60 * MINUTE_MS


def coverage(
    pipeline: Pipeline = "candle",
    from_: Annotated[str, typer.Option("--from", help="First day, UTC; without it the start of the history")] = "",
    to: Annotated[str, typer.Option("--to", help="Day before which it ends; without it today")] = "",
    daily: Annotated[bool, typer.Option("--daily", help="One line for each day")] = False,
    as_json: AsJson = False,
) -> None:
    """How the minutes of each symbol and exchange add up. Exit status 1 where some are open.

    Exchanges that the pipeline no longer has do not count.
    """
    settings = pipeline_settings(pipeline)
    window = _whole_days(settings, from_, to)
    pairs, names = [symbol.currency_pair for symbol in listed_symbols(settings)], settings.exchange_ids
    with open_bucket(settings) as bucket:
        known = DailyCoverage(bucket, settings.timeframe.ms).read(window)
    wanted = [day for day in known if day.currency_pair in pairs and day.exchange in names]
    days = with_unasked(wanted, pairs, window, settings.timeframe.ms)
    sums = total(day.account for day in days)
    if as_json:
        print_json({"from_ms": window.start_ms, "to_ms": window.end_ms, "rows": _json_rows(days, daily)})
    else:
        _print(days, daily, window, sums)
    if sums.open:
        raise typer.Exit(1)


def _whole_days(settings: PipelineSettings, from_: str, to: str) -> Window:
    """Whole days in UTC. Where history is skipped, the last ones that catch-up began with."""
    now = now_ms()
    end_ms = floor_ms(moment_ms("--to", to) if to else now - GRACE_MS, DAY_MS)
    history = history_window(settings, now)
    initial_ms = end_ms - max(1, settings.catch_up_initial_days - 1) * DAY_MS
    start_ms = moment_ms("--from", from_) if from_ else history.start_ms if history else initial_ms
    return window_between(floor_ms(start_ms, DAY_MS), end_ms)


def _by_exchange(days: Sequence[DayAccount]) -> list[tuple[str, str, Account]]:
    groups = groupby(days, key=lambda day: (day.currency_pair, day.exchange))
    return [(pair, exchange, total(day.account for day in own)) for (pair, exchange), own in groups]


def _json_rows(days: Sequence[DayAccount], daily: bool) -> list[dict[str, object]]:
    if daily:
        return [
            {"currency_pair": d.currency_pair, "exchange": d.exchange, "day_ms": d.day_ms, **asdict(d.account)}
            for d in days
        ]
    return [{"currency_pair": pair, "exchange": name, **asdict(sums)} for pair, name, sums in _by_exchange(days)]


def _print(days: Sequence[DayAccount], daily: bool, window: Window, sums: Account) -> None:
    if daily:
        rows = [(d.currency_pair, d.exchange, format_ms(d.day_ms)[:10], *_numbers(d.account)) for d in days]
        print_table(("symbol", "exchange", "day"), NUMBERS, rows)
    else:
        print_table(("symbol", "exchange"), NUMBERS, [(p, name, *_numbers(own)) for p, name, own in _by_exchange(days)])
    open_words = f"{sums.open:,} minutes are open" if sums.open else "every minute is accounted for"
    say(f"{window}: {open_words}")


def _numbers(sums: Account) -> list[str]:
    return [f"{getattr(sums, name.replace(' ', '_')):,}" for name in NUMBERS]
