import pytest

from candle_ingest.candles.window import DAY_MS, MINUTE_MS
from candle_ingest.ledger.minute_state import MinuteState
from candle_ingest.reports.freshness import Freshness, SymbolFreshness
from candle_ingest.reports.largest_holes import DayHole
from candle_ingest.reports.merge_progress import MergeProgress
from candle_ingest.reports.summary import summarize

# 2026-11-20, 20:10.
NOW_MS = 1_795_205_400_000
NOW_DAY_MS = NOW_MS // DAY_MS * DAY_MS


def symbol(pair: str, lag_minutes: int | None, state: str = "on time") -> SymbolFreshness:
    newest_ms = None if lag_minutes is None else NOW_MS - (lag_minutes + 1) * MINUTE_MS
    lag_ms = None if lag_minutes is None else lag_minutes * MINUTE_MS
    return SymbolFreshness(
        ticker=pair,
        currency_pair=pair,
        state=state,
        lag_ms=lag_ms,
        catch_up_ms=newest_ms,
        backfill_ms=None,
        days_done=0,
    )


def sentence(*symbols: SymbolFreshness, holes: tuple[DayHole, ...] = ()) -> str:
    found = Freshness(
        symbols=list(symbols),
        late_after_ms=0,
        history_start_ms=None,
        days_wanted=0,
        days_in_last_hour=0,
        done_at_ms=None,
    )
    return summarize(found, [one.currency_pair for one in symbols], list(holes), MINUTE_MS, NOW_MS).sentence


def hole(**values: object) -> DayHole:
    known = {
        "currency_pair": "BTC/USD",
        "exchange": "binance",
        "day_ms": NOW_DAY_MS - 2 * DAY_MS,
        "state": MinuteState.SILENT,
        "count": 217,
        "reason": "",
        "since_ms": 0,
        "due_ms": 0,
    }
    return DayHole(**{**known, **values})


def test_a_summary_says_how_far_the_slowest_symbol_is_merged():
    assert sentence(symbol("A/USD", 6), symbol("B/USD", 8)) == "All 2 symbols are merged to 20:02."
    assert sentence(symbol("A/USD", 6)) == "The only symbol is merged to 20:04."


def test_symbols_that_are_behind_are_named():
    found = sentence(symbol("A/USD", 6), symbol("B/USD", 90, "late"))
    assert found == "1 of 2 symbols is behind (B/USD); the others are merged to 20:04."


def test_the_largest_hole_says_what_it_is_and_when_it_is_retried():
    found = sentence(symbol("A/USD", 6), holes=(hole(due_ms=NOW_MS + 81 * MINUTE_MS),))
    assert found.endswith("217 candles of binance for BTC/USD on 18 November look like an outage; next look at 21:31.")


@pytest.mark.parametrize("state", ["silent", "rejected", "failed", "not_asked", "unobtainable"])
def test_every_state_of_a_hole_is_described(state):
    assert "217 candles" in sentence(symbol("A/USD", 6), holes=(hole(state=MinuteState(state)),))


def test_a_pipeline_that_never_fetched_says_so():
    assert "Nothing is merged yet" in sentence(symbol("A/USD", None, "no candles"))


def test_a_symbol_that_too_few_exchanges_list_is_named_instead_of_counted():
    short = symbol("ABC/USD", None, "too few exchanges")
    named = "Too few exchanges list ABC/USD."
    assert sentence(symbol("A/USD", 6), short) == f"The only symbol is merged to 20:04. {named}"
    assert sentence(symbol("A/USD", None, "no candles"), short).endswith(f"have ended. {named}")
    assert sentence(short) == named


def test_an_empty_list_of_symbols_is_reported():
    assert sentence() == "No symbols are listed in Redis."


def test_a_change_of_the_merge_settings_says_how_much_is_merged_again():
    found = MergeProgress(days=1000, outdated=250).sentence
    assert found.startswith("The merge settings were changed: 750 of 1,000 symbol-days are merged again;")
    assert MergeProgress(days=1000, outdated=0).sentence == ""
