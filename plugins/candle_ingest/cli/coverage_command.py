"""`coverage`: count the minutes of each symbol by state."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Annotated

import typer

from candle_ingest.candles.window import DAY_MS, HOUR_MS, Window, floor_ms, format_ms
from candle_ingest.cli.moments import moment_ms, now_ms, window_between
from candle_ingest.cli.options import AsJson, Pipeline, pipeline_settings
from candle_ingest.cli.output import print_json, print_table, say
from candle_ingest.cli.storage import listed_symbols, open_bucket
from candle_ingest.ledger.minute_state import CoverageCounts
from candle_ingest.ledger.rate_pairs import possible_rate_pairs
from candle_ingest.plurals import are, are_some, inflected
from candle_ingest.reports.coverage_by_day import DayCoverage, read_coverage_by_day
from candle_ingest.reports.coverage_totals import CoverageTotal, read_exchange_totals, read_pair_totals, total_counts
from candle_ingest.reports.expected_coverage import ExpectedCoverage
from candle_ingest.reports.freshness import history_window
from candle_ingest.reports.merge_progress import MergeProgress, read_merge_progress
from candle_ingest.reports.rate_totals import read_rate_totals
from candle_ingest.reports.when_asked import history_start_ms
from candle_ingest.settings import PipelineSettings

NUMBERS = tuple(CoverageCounts().to_dict())
# The last run of a day ends some time after midnight.
GRACE_MS = HOUR_MS
SYMBOL_DAY = "symbol-day"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """What was read of `window`; `before_history` counts the slots of the symbols that no run requests by itself.

    Days that `merging` counts as outdated are still merged with earlier settings, perhaps from other exchanges.
    """

    window: Window
    before_history: int
    history_start_ms: int
    exchange_count: int
    pairs: list[CoverageTotal]
    exchanges: list[CoverageTotal]
    rates: list[CoverageTotal]
    days: list[DayCoverage]
    merging: MergeProgress
    unreadable: list[str]

    @property
    def symbol_days(self) -> int:
        """Count the days of all symbols."""
        return len(self.pairs) * self.window.slots(DAY_MS)

    @property
    def complete_days(self) -> int:
        """Count the final days; of each day that is merged with earlier settings, assume that it was final."""
        return max(0, sum(pair.final_days for pair in self.pairs) - self.merging.outdated)

    @property
    def is_complete(self) -> bool:
        """Tell whether every day of every symbol is merged, final on every exchange in the settings, and not open."""
        is_open = any(pair.counts.open for pair in self.pairs)
        return not self.unreadable and not is_open and self.complete_days >= self.symbol_days


def coverage(
    pipeline: Pipeline = "candle",
    from_: Annotated[str, typer.Option("--from", help="First day, UTC; default: the start of the history")] = "",
    to: Annotated[str, typer.Option("--to", help="Last day, UTC, not included; default: today")] = "",
    by_exchange: Annotated[bool, typer.Option("--exchanges", help="One line for each symbol and exchange")] = False,
    daily: Annotated[bool, typer.Option("--daily", help="One line for each symbol, exchange and day")] = False,
    as_json: AsJson = False,
) -> None:
    """Count the minutes of each symbol by state, over its exchanges. Exit status 1 unless every day is complete.

    A day is complete once every exchange in the settings is final and everything is merged with these settings.
    Exchanges that the pipeline no longer has do not count. Minutes before the start of the history are not open: no run
    requests them by itself.
    With --exchanges, the rates that convert symbols have lines too, marked as rates.
    """
    settings = pipeline_settings(pipeline)
    found = _read(settings, _whole_days(settings, from_, to), by_exchange, daily)
    if as_json:
        span = {"from_ms": found.window.start_ms, "to_ms": found.window.end_ms}
        rates = [{"currency_pair": r.currency_pair, "exchange": r.exchange, **r.counts.to_dict()} for r in found.rates]
        rows = _json_days(found) or _json_totals(found)
        print_json(
            settings,
            {
                **span,
                "before_history": found.before_history,
                "unreadable": found.unreadable,
                "merging": asdict(found.merging),
                "rows": rows,
                "rates": rates,
            },
        )
    else:
        _print(found)
    if not found.is_complete:
        raise typer.Exit(1)


def _read(settings: PipelineSettings, window: Window, by_exchange: bool, daily: bool) -> _Found:
    pairs = sorted({symbol.currency_pair for symbol in listed_symbols(settings)})
    # Symbols that are also rates have lines as symbols.
    rate_pairs = possible_rate_pairs(settings) - set(pairs)
    expected, start_ms = ExpectedCoverage.of(settings, now_ms()), history_start_ms(settings, now_ms())
    early = Window(window.start_ms, min(max(window.start_ms, floor_ms(start_ms, DAY_MS)), window.end_ms))
    with open_bucket(settings) as bucket:
        days, unreadable = read_coverage_by_day(bucket, window, pairs, expected) if daily else ([], [])
        before = read_pair_totals(bucket, early, pairs, expected) if early else []
        return _Found(
            window=window,
            before_history=sum(total.counts.not_asked for total in before),
            history_start_ms=start_ms,
            exchange_count=len(expected.exchanges),
            pairs=read_pair_totals(bucket, window, pairs, expected),
            exchanges=read_exchange_totals(bucket, window, pairs, expected) if by_exchange and not daily else [],
            rates=read_rate_totals(bucket, window, rate_pairs, expected),
            days=days,
            merging=read_merge_progress(bucket, settings, pairs, window),
            unreadable=unreadable,
        )


def _whole_days(settings: PipelineSettings, from_: str, to: str) -> Window:
    """Return whole days in UTC. If history is skipped, they begin at most where the first catch-up may have begun."""
    now = now_ms()
    end_ms = floor_ms(moment_ms("--to", to) if to else now - GRACE_MS, DAY_MS)
    history = history_window(settings, now)
    initial_ms = end_ms - max(1, settings.catch_up_initial_days - 1) * DAY_MS
    start_ms = moment_ms("--from", from_) if from_ else history.start_ms if history else initial_ms
    return window_between(floor_ms(start_ms, DAY_MS), end_ms)


def _json_days(found: _Found) -> list[dict[str, object]]:
    return [
        {
            "currency_pair": day.currency_pair,
            "exchange": day.exchange,
            "day_ms": day.day_ms,
            "state": day.state,
            **day.counts.to_dict(),
        }
        for day in found.days
    ]


def _json_totals(found: _Found) -> list[dict[str, object]]:
    return [
        {
            "currency_pair": row.currency_pair,
            **({"exchange": row.exchange} if found.exchanges else {}),
            "days": found.window.slots(DAY_MS),
            "final_days": row.final_days,
            "provisional_days": row.provisional_days,
            "unconfirmed": row.unconfirmed,
            **row.counts.to_dict(),
        }
        for row in found.exchanges or found.pairs
    ]


def _print(found: _Found) -> None:
    if found.days:
        rows = [((d.currency_pair, d.exchange, format_ms(d.day_ms)[:10], d.state), d.counts) for d in found.days]
        _print_counts(("symbol", "exchange", "day", "state"), rows)
    elif found.exchanges:
        symbols = [((r.currency_pair, r.exchange), r.counts) for r in found.exchanges]
        rates = [((f"{r.currency_pair}, rate", r.exchange), r.counts) for r in found.rates]
        _print_counts(("symbol", "exchange"), [*symbols, *rates])
    else:
        _print_counts(("symbol",), [((row.currency_pair,), row.counts) for row in found.pairs])
        say(_relation(found.exchange_count))
    for error in found.unreadable:
        say(error, "red")
    say(f"{found.window}: {_verdict(found)}")
    if found.merging.sentence:
        say(found.merging.sentence)
    if open_rates := _rates_in_words(found):
        say(open_rates)


def _relation(exchanges: int) -> str:
    """Return how the numbers relate to those of the merged candles."""
    return (
        f"Each exchange's minutes count separately: {exchanges} per minute of a symbol. Merged candles count once "
        "(`make run`, `export`)."
    )


def _print_counts(texts: Sequence[str], rows: Sequence[tuple[Sequence[str], CoverageCounts]]) -> None:
    """Print the columns that are not 0 in every row, and those of `expected` and `present`."""
    sums = total_counts(counts for _, counts in rows).to_dict()
    shown = [name for name in NUMBERS if sums[name] or name in ("expected", "present")]
    cells = [[*names, *(f"{counts.to_dict()[name]:,}" for name in shown)] for names, counts in rows]
    print_table(texts, [name.replace("_", " ") for name in shown], cells)


def _verdict(found: _Found) -> str:
    sums = total_counts(pair.counts for pair in found.pairs)
    provisional = sum(pair.provisional_days for pair in found.pairs)
    parts = [f"{are_some(found.complete_days, found.symbol_days, SYMBOL_DAY)} complete"]
    if provisional:
        parts.append(f"{are(provisional, SYMBOL_DAY)} provisional (checked again once the day is over)")
    parts += _open_in_words(found, sums.open - found.before_history)
    parts += _given_up_in_words(sum(pair.unconfirmed for pair in found.pairs), sums.unobtainable)
    return "; ".join(parts)


def _open_in_words(found: _Found, open_count: int) -> Iterator[str]:
    if open_count:
        yield f"{are(open_count, 'minute')} open"
    else:
        yield f"every minute{' of the history' if found.before_history else ''} is accounted for"
    if found.before_history:
        start = format_ms(found.history_start_ms)
        yield f"{are(found.before_history, 'minute')} before the history, which begins at {start}: not asked for"


def _rates_in_words(found: _Found) -> str:
    """Return what is open of the rates, which the verdict on the symbols does not include; empty if nothing is."""
    counts = {f"{rate.currency_pair} @ {rate.exchange}": rate.recorded_counts for rate in found.rates}
    sums, names = total_counts(counts.values()), [name for name, own in counts.items() if own.open]
    silent = f" ({sums.silent:,} silent so far, requested again)" if sums.silent else ""
    days = "the days whose prices they convert are complete only with them"
    return f"Rates: {are(sums.open, 'minute')} open, of {', '.join(names)}{silent}; {days}" if names else ""


def _given_up_in_words(unconfirmed: int, unobtainable: int) -> Iterator[str]:
    if unconfirmed:
        verb = inflected(unconfirmed, "was", "were")
        yield f"{unconfirmed:,} {verb} never confirmed after their day (`candle-ingest retry` requests them again)"
    if unobtainable:
        verb = inflected(unobtainable, "is", "are")
        yield f"{unobtainable:,} {verb} unobtainable (`candle-ingest retry` requests them again)"
