"""Read the data of each view, in a thread of the page."""

from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from candle_ingest.candles.symbol import Symbol
from candle_ingest.candles.window import HOUR_MS, Window
from candle_ingest.doctor.stored_findings import read_findings
from candle_ingest.errors.symbols import NothingMergedError
from candle_ingest.ledger.rate_pairs import possible_rate_pairs
from candle_ingest.reports.chart_bars import read_chart_bars
from candle_ingest.reports.coverage_days import (
    MAX_PAIRS,
    CoverageRows,
    last_columns,
    read_coverage_rows,
    read_coverage_totals,
    read_stored_pairs,
)
from candle_ingest.reports.coverage_hours import read_coverage_hours
from candle_ingest.reports.exchange_health import read_exchange_health
from candle_ingest.reports.expected_coverage import ExpectedCoverage
from candle_ingest.reports.freshness import history_window, read_freshness
from candle_ingest.reports.largest_holes import read_largest_holes
from candle_ingest.reports.last_minute import last_final_minute_ms
from candle_ingest.reports.merge_progress import read_merge_progress
from candle_ingest.reports.minute_candles import explain_minute
from candle_ingest.reports.rate_totals import read_rate_totals
from candle_ingest.reports.summary import read_summary
from candle_ingest.reports.unlisted import nothing_merged, why_not_asked
from candle_ingest.reports.when_asked import when_asked
from candle_ingest.settings import PipelineSettings
from candle_ingest.web import answers
from candle_ingest.web.access import dag_ids
from candle_ingest.web.address import BadAddressError
from candle_ingest.web.storage import (
    check_symbols,
    exchange_paces,
    listed_symbols,
    open_bucket,
    unlisted_pairs,
    why_not_listed,
)

Answer = dict[str, Any]


def symbols(settings: PipelineSettings) -> Answer:
    """Return the pairs that Redis lists."""
    listed, problem = listed_symbols(settings)
    tickers = {symbol.currency_pair: symbol.ticker for symbol in listed}
    return {"pairs": list(tickers), "tickers": tickers, "redis_problem": problem}


def overview(settings: PipelineSettings, days: int, now_ms: int) -> Answer:
    """Return all pairs with their totals, and the rows of the first MAX_PAIRS, in one request.

    Pairs that are stored but not in Redis come last, and in `not_in_redis` too; without a list in Redis, none are.
    """
    listed, problem = listed_symbols(settings)
    tickers = {symbol.currency_pair: symbol.ticker for symbol in listed}
    columns, expected = last_columns(days, now_ms), ExpectedCoverage.of(settings, now_ms)
    with open_bucket(settings) as bucket:
        stored = read_stored_pairs(bucket, columns.window)
        gone = {*stored} - {*tickers} if listed else set()
        pairs = [*sorted({*stored, *tickers} - gone), *sorted(gone)]
        first = read_coverage_rows(bucket, columns, pairs[:MAX_PAIRS], expected)
        totals = first if len(pairs) <= MAX_PAIRS else read_coverage_totals(bucket, columns.window, pairs, expected)
    return {
        "as_of_ms": now_ms,
        "redis_problem": problem,
        "fold": columns.fold,
        "edges_ms": columns.edges_ms,
        "wanted_days": columns.days_within(history_window(settings, now_ms)),
        "tickers": tickers,
        "pairs": pairs,
        "not_in_redis": sorted(gone),
        **{name: counts.sum(axis=1) for name, counts in _counts(totals).items()},
        "rows": _rows(first),
    }


def coverage(settings: PipelineSettings, pairs: Sequence[str], days: int, now_ms: int) -> Answer:
    """Return the rows of some pairs."""
    with open_bucket(settings) as bucket:
        check_symbols(bucket, settings, pairs)
        expected = ExpectedCoverage.of(settings, now_ms)
        return _rows(read_coverage_rows(bucket, last_columns(days, now_ms), pairs, expected))


def holes(settings: PipelineSettings, days: int, now_ms: int) -> Answer:
    """Return the largest holes of the listed symbols; without a list, of all."""
    listed, _ = listed_symbols(settings)
    pairs = [symbol.currency_pair for symbol in listed] or None
    expected = ExpectedCoverage.of(settings, now_ms)
    with open_bucket(settings) as bucket:
        found = read_largest_holes(bucket, last_columns(days, now_ms).window, expected, pairs)
    return {"as_of_ms": now_ms, "holes": [asdict(hole) for hole in found.holes], "unreadable": found.unreadable}


def rates(settings: PipelineSettings, days: int, now_ms: int) -> Answer:
    """Return the rate markets. Symbols that are rates too are on the map."""
    listed, _ = listed_symbols(settings)
    pairs = possible_rate_pairs(settings) - {symbol.currency_pair for symbol in listed}
    window, expected = last_columns(days, now_ms).window, ExpectedCoverage.of(settings, now_ms)
    with open_bucket(settings) as bucket:
        return answers.rates_answer(read_rate_totals(bucket, window, pairs, expected))


def day(settings: PipelineSettings, currency_pair: str, window: Window, now_ms: int) -> Answer:
    """Return exchanges × hours of one day, holes and merges."""
    with open_bucket(settings) as bucket:
        check_symbols(bucket, settings, [currency_pair])
        found = read_coverage_hours(bucket, currency_pair, window, ExpectedCoverage.of(settings, now_ms))
    own = answers.hours_answer(found, dag_ids(settings))
    why, when = _why_not_fetched(settings, currency_pair), ""
    if not found.was_asked:
        when = _when_asked(settings, currency_pair, window, now_ms)
    return {"symbol": currency_pair, "day_ms": window.start_ms, "when_asked": when, "why_not_fetched": why, **own}


def chart(settings: PipelineSettings, currency_pair: str, window: Window) -> Answer:
    """Return the bars of a range."""
    with open_bucket(settings) as bucket:
        check_symbols(bucket, settings, [currency_pair])
        found = read_chart_bars(bucket, currency_pair, window, settings.timeframe)
    asked = {"symbol": currency_pair, "start_ms": window.start_ms, "end_ms": window.end_ms}
    return {**asked, "bar_ms": settings.timeframe.ms, **answers.bars_answer(found)}


def explain(settings: PipelineSettings, currency_pair: str, time_ms: int | None, now_ms: int) -> Answer:
    """Return how the price of one candle is made; without a time, that of the last final one."""
    with open_bucket(settings) as bucket:
        check_symbols(bucket, settings, [currency_pair])
        try:
            known_ms = last_final_minute_ms(bucket, currency_pair) if time_ms is None else time_ms
        except NothingMergedError as error:
            known = nothing_merged(currency_pair) if unlisted_pairs(settings, [currency_pair]) else error
            raise BadAddressError(str(known)) from None
        found = explain_minute(bucket, settings, currency_pair, known_ms, now_ms)
    if not found.was_asked:
        found = replace(found, when_asked=_when_asked(settings, currency_pair, found.window, now_ms))
    own = answers.explanation_answer(found, dag_ids(settings))
    return {"symbol": currency_pair, "high_low": settings.high_low, **own}


def exchanges(settings: PipelineSettings, hours: int, now_ms: int) -> Answer:
    """Return how the exchanges answered in the last `hours`."""
    with open_bucket(settings) as bucket:
        window = Window(now_ms - hours * HOUR_MS, now_ms + 1)
        found = read_exchange_health(bucket, window, settings.exchange_ids)
        findings = read_findings(bucket)
    paces, problem = exchange_paces(health.exchange for health in found)
    return {
        "now_ms": now_ms,
        "hours": hours,
        "redis_problem": problem,
        **answers.health_answer(found, paces),
        **answers.findings_answer(findings),
    }


def summary(settings: PipelineSettings, now_ms: int) -> Answer:
    """Return the summary: one sentence, and the largest problems."""
    listed, problem = listed_symbols(settings)
    with open_bucket(settings) as bucket:
        found = read_summary(bucket, settings, listed, now_ms, _unlisted(settings, listed))
    return {**asdict(found), "sentence": problem or found.sentence, "redis_problem": problem}


def freshness(settings: PipelineSettings, now_ms: int) -> Answer:
    """Return how late each symbol is."""
    listed, problem = listed_symbols(settings)
    with open_bucket(settings) as bucket:
        found = read_freshness(bucket, settings, listed, now_ms, _unlisted(settings, listed))
        merging = read_merge_progress(bucket, settings, {symbol.currency_pair for symbol in found.wanted})
    return {**answers.freshness_answer(found, now_ms, problem), "merging": asdict(merging)}


def _unlisted(settings: PipelineSettings, listed: Sequence[Symbol]) -> set[str]:
    return unlisted_pairs(settings, [symbol.currency_pair for symbol in listed])


def _when_asked(settings: PipelineSettings, currency_pair: str, window: Window, now_ms: int) -> str:
    return _why_not_fetched(settings, currency_pair) or when_asked(settings, window, now_ms)


def _why_not_fetched(settings: PipelineSettings, currency_pair: str) -> str:
    """Return why no run requests the pair by itself; empty if runs do."""
    if unlisted_pairs(settings, [currency_pair]):
        return why_not_asked(settings, currency_pair)
    return why_not_listed(settings, currency_pair)


def _rows(found: CoverageRows) -> Answer:
    return {"pairs": found.pairs, **_counts(found)}


def _counts(found: CoverageRows) -> dict[str, NDArray[np.int64]]:
    return {
        "expected": found.expected,
        "open": found.open_counts,
        "unobtainable": found.unobtainable,
        "provisional": found.provisional,
        **found.grades,
    }
