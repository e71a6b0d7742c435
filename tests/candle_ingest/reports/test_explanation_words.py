"""The words of an explanation; its cases are those of test_explanation."""

from dataclasses import replace

from candle_ingest.ledger.day_record import RecordState
from candle_ingest.ledger.merged_day import WITHOUT_CANDLE, Waiting
from candle_ingest.ledger.minute_state import MinuteState
from candle_ingest.reports.explanation import ExchangeCandle, StoredMerge
from candle_ingest.reports.explanation_words import part_in_words, verdict
from tests.candle_ingest.reports.test_explanation import (
    CANDLES,
    MINUTE,
    answered,
    explained,
    merged_day,
    part_of,
    rate_of,
    recorded,
    stretch,
)

ALL = ("a", "b", "c")


def stored(**values):
    return StoredMerge(explained(CANDLES, **values).merged, ALL)


def words(*args, **values):
    return str(verdict(explained(*args, **values)))


def test_a_complete_minute_has_a_grade():
    found = words(CANDLES, stored(), answered(*ALL), merged_day(state=RecordState.FINAL))
    assert found == "Complete: the stored candle matches its parts. Grade A, final."


def test_an_exchange_removed_from_the_settings_is_said_to_be_unused():
    one = StoredMerge(CANDLES["a"].ohlcv, ("a",))
    found = explained(CANDLES, one, answered(*ALL), merged_day(state=RecordState.FINAL), exchanges=("a",))
    assert part_in_words(part_of(found, "c")) == "not used, it is no longer one of the pipeline's exchanges"
    assert str(verdict(found)).startswith("Complete: the stored candle matches its parts.")
    assert "Stored: the candles of a." in words(CANDLES, records=answered(*ALL), exchanges=("a", "d"))


def test_what_is_not_merged_says_how_many_answers_are_missing_and_what_is_stored():
    failed = recorded("c", stretch(MinuteState.FAILED, reason="HTTP 500"))
    records = {**answered("a", "b"), "c": failed}
    kept = {name: CANDLES[name] for name in ("a", "b")}
    expected = "Not merged: 2 of 3 needed answered. c failed: HTTP 500. Stored: the candles of a and b."
    assert words(kept, records=records) == expected
    waiting = replace(merged_day(0), waiting=(Waiting(MINUTE.start_ms, MINUTE.end_ms, "c failed: HTTP 500", 0),))
    assert words(kept, records=records, day=waiting) == expected


def test_a_minute_that_the_next_run_merges_is_no_problem():
    found = verdict(explained(CANDLES, records=answered(*ALL)))
    assert (found.kind, found.title) == ("plain", "Not merged yet: 3 of 3 needed answered.")


def test_a_minute_that_was_not_requested_says_when_it_will_be():
    unasked = replace(explained({}), when_asked="It is still to come.")
    assert str(verdict(unasked)) == "Not asked for. It is still to come."
    answered_once = replace(explained({}, records=answered("a")), when_asked="It is still to come.")
    assert "still to come" not in str(verdict(answered_once))


def test_a_minute_without_trades_is_complete():
    day = merged_day(WITHOUT_CANDLE)
    final = words({}, StoredMerge(None, ()), answered(*ALL), replace(day, state=RecordState.FINAL))
    assert final == "Complete: there were no trades, so there is no candle."
    assert words({}, StoredMerge(None, ()), answered(*ALL), day) == f"Not final yet{final.removeprefix('Complete')}"


def test_a_minute_without_a_usable_exchange_says_so():
    leg = {"a": CANDLES["a"]}
    found = words(leg, StoredMerge(None, (), ("a",)), answered(*ALL), merged_day(WITHOUT_CANDLE), rate_of(float("nan")))
    assert found == "Merged without a candle. None can be made of a: see the reasons."


def test_a_change_of_settings_is_distinguished_from_a_correction():
    old = StoredMerge((1, 1, 1, 1, 1), ALL)
    changed = verdict(explained(CANDLES, old, day=merged_day(method="par, guard 0 %"), method_text="observed"))
    assert (changed.kind, changed.title) == ("warn", "Merged with settings that have changed since.")
    assert "par, guard 0 %" in changed.text
    corrected = verdict(explained(CANDLES, old, day=merged_day()))
    assert (corrected.kind, corrected.title) == ("bad", "The stored candle does not match its parts.")


def test_a_merged_minute_names_the_exchange_whose_candle_is_gone():
    lost = replace(stretch(MinuteState.FAILED, reason="its candles are gone"), candle_lost=True)
    records = {**answered("a", "b"), "c": recorded("c", lost)}
    kept = {name: CANDLES[name] for name in ("a", "b")}
    found = words(kept, stored(), records, merged_day())
    assert found == "Merged from candles that are gone now. c failed: its candles are gone."


def test_a_merge_without_an_exchange_that_failed_is_not_complete():
    records = {**answered("a", "b"), "c": recorded("c", stretch(MinuteState.FAILED, reason="HTTP 500"))}
    kept = {name: CANDLES[name] for name in ("a", "b")}
    two = StoredMerge(explained(kept).merged, ("a", "b"))
    assert words(kept, two, records, merged_day()) == "Merged, but not complete. c failed: HTTP 500."
    assert words(CANDLES, two, records, merged_day()) == "Merged, but not complete. c answered after the merge."


def test_a_part_shows_its_market_its_rate_and_what_the_guard_did():
    found = explained(
        {**CANDLES, "a": ExchangeCandle((50100.0, 60000.0, 50100.0, 50100.0, 1), "BTC/USDT")}, conversion=rate_of(0.998)
    )
    assert part_in_words(part_of(found, "a")) == "used, BTC/USDT × 0.998 (USDT/USD: kraken), clamped: high +19.6 %"
    assert part_in_words(part_of(found, "b")) == "used, BTC/USD"
    none = explained(CANDLES, conversion=rate_of(float("nan")))
    assert part_in_words(part_of(none, "a")) == "BTC/USD, excluded: no rate USDT/USD"
    assert part_in_words(part_of(explained({}), "a")) == "not asked"
