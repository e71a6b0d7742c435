from datetime import UTC, datetime

import pytest

from candle_ingest.candles.symbol import Symbol, parse_symbol
from candle_ingest.candles.window import DAY_MS, MINUTE_MS
from candle_ingest.reports.freshness import (
    HOUR_MS,
    LATE,
    NO_CANDLES,
    NOT_IN_REDIS,
    UNLISTED,
    Freshness,
    SymbolFreshness,
    estimated_end_ms,
    history_window,
    known_symbols,
    mark_unfetched,
    max_lag_ms,
    schedule_ms,
)
from candle_ingest.settings import PipelineSettings

NOW_MS = int(datetime(2026, 3, 11, 12, tzinfo=UTC).timestamp() * 1000)


def settings(**changes):
    return PipelineSettings(name="candle", **changes)


def test_listed_symbols_come_first_then_those_that_only_have_a_watermark():
    keys = ["btcusd-backfill", "old/usd-catch_up", "???-backfill", "unrelated"]
    found = known_symbols([parse_symbol("ethusd"), parse_symbol("btcusd")], keys)
    assert [symbol.ticker for symbol in found] == ["ethusd", "btcusd", "old/usd"]


def test_a_symbol_removed_from_the_list_is_neither_late_nor_wanted():
    values = {"lag_ms": 10**9, "catch_up_ms": 1, "backfill_ms": 1, "days_done": 0}
    known = [
        SymbolFreshness(ticker=ticker, currency_pair=ticker.upper(), state=LATE, **values) for ticker in ("old", "new")
    ]
    marked = mark_unfetched(known, [Symbol("new", "NE", "W")], ["OLD"])
    assert [symbol.state for symbol in marked] == [NOT_IN_REDIS, LATE]
    found = Freshness(
        symbols=marked, late_after_ms=1, history_start_ms=None, days_wanted=0, days_in_last_hour=0, done_at_ms=None
    )
    assert [symbol.ticker for symbol in found.wanted] == ["new"]
    assert mark_unfetched(known, [], []) == known


def test_a_symbol_that_too_few_exchanges_list_is_wanted_but_not_fetched():
    known = SymbolFreshness(
        ticker="abcusd",
        currency_pair="ABC/USD",
        state=NO_CANDLES,
        lag_ms=None,
        catch_up_ms=None,
        backfill_ms=None,
        days_done=0,
    )
    [marked] = mark_unfetched([known], [parse_symbol("abcusd")], {"ABC/USD"})
    assert (marked.state, marked.is_fetched) == (UNLISTED, False)


@pytest.mark.parametrize(("left", "pace", "hours"), [(10, 5, 2), (1, 1, 1), (0, 5, None), (10, 0, None)])
def test_the_end_is_estimated_from_the_last_hour(left, pace, hours):
    assert estimated_end_ms(left, pace, NOW_MS) == (None if hours is None else NOW_MS + hours * HOUR_MS)


def test_history_has_whole_days_only():
    window = history_window(settings(backfill_start_date="2026-03-01"), NOW_MS)
    assert (window.slots(DAY_MS), window.end_ms) == (10, NOW_MS - 12 * HOUR_MS)


def test_history_begins_with_an_interval():
    weekly = settings(backfill_start_date="2026-03-04", backfill_interval="@weekly")
    assert history_window(weekly, NOW_MS).slots(DAY_MS) == 10


@pytest.mark.parametrize("start", ["skip", "2027-01-01"])
def test_without_history_no_days_are_wanted(start):
    assert not history_window(settings(backfill_start_date=start), NOW_MS)


def test_the_time_between_two_catch_up_runs():
    assert schedule_ms("*/5 * * * *", NOW_MS) == 5 * MINUTE_MS


@pytest.mark.parametrize(("granularity_minutes", "minutes"), [(1, 15), (60, 180)])
def test_long_candles_are_not_late_between_two_of_them(granularity_minutes, minutes):
    changed = settings(candle_granularity_minutes=granularity_minutes, settle_seconds=0)
    assert max_lag_ms(changed, NOW_MS) == minutes * MINUTE_MS
