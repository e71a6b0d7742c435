from dataclasses import replace

import numpy as np
import pytest

from candle_ingest.candles.merge import NO_LEGS, Conversion
from candle_ingest.candles.merge_method import MergeMethod
from candle_ingest.candles.rates import RateSeries
from candle_ingest.candles.window import MINUTE_MS, Window
from candle_ingest.ledger.day_record import RecordState, new_day_record
from candle_ingest.ledger.merged_day import WITH_CANDLE, WITHOUT_CANDLE, Waiting, new_merged_day
from candle_ingest.ledger.minute_state import MinuteState
from candle_ingest.ledger.stretch import Stretch
from candle_ingest.reports.explanation import ExchangeCandle, MergeRules, StoredMerge, explain

TIME_MS = 1_767_225_600_000
MINUTE = Window(TIME_MS, TIME_MS + MINUTE_MS)
# The example of three exchanges: close 50077.23, volume 283.5.
CLOSES = {"a": (50100.0, 120.5), "b": (50050.0, 95.2), "c": (50075.0, 67.8)}
CANDLES = {name: ExchangeCandle((close,) * 4 + (volume,), "BTC/USD") for name, (close, volume) in CLOSES.items()}


def recorded(exchange, *stretches, marks=None):
    """Return a record of the day with these stretches; everything else was answered."""
    known = new_day_record("BTC/USD", exchange, TIME_MS, MINUTE_MS)
    return replace(known, stretches=stretches, marks=known.marks if marks is None else marks)


def stretch(state, **values):
    return Stretch(start_ms=TIME_MS, end_ms=TIME_MS + MINUTE_MS, state=state, **values)


def answered(*exchanges):
    return {exchange: recorded(exchange) for exchange in exchanges}


def explained(candles, stored=None, records=None, day=None, conversion=NO_LEGS, **rules):
    own = MergeRules(**{"exchanges": ("a", "b", "c"), **rules})
    return explain(MINUTE, candles, stored, records or {}, day, own, conversion)


def merged_day(mark=WITH_CANDLE, **values):
    """Return a day on which the minute is merged."""
    day = new_merged_day("BTC/USD", TIME_MS, MINUTE_MS)
    return replace(day, marks=bytes([mark]) + day.marks[1:], **values)


def rate_of(rate):
    series = RateSeries(MINUTE, np.array([rate]), ("USDT/USD: kraken",), np.array([[True]]))
    return Conversion("USD", {"a": "USDT"}, {"USDT": series})


def part_of(explanation, exchange):
    return next(part for part in explanation.parts if part.exchange == exchange)


def state_of(explanation, exchange):
    return part_of(explanation, exchange).state


def test_weights_are_shares_of_the_volume_and_give_the_merged_close():
    found = explained(CANDLES, records=answered("a", "b", "c"))
    weights = {part.exchange: part.priced.weight for part in found.parts}
    assert weights == pytest.approx({"a": 0.42504, "b": 0.33580, "c": 0.23915}, abs=1e-5)
    assert found.merged[3] == pytest.approx(50077.23, abs=0.005)
    assert found.merged[4] == pytest.approx(283.5)
    assert found.merged[3] == pytest.approx(sum(weights[name] * CLOSES[name][0] for name in weights))


def test_weights_are_shown_so_that_they_add_up_to_a_hundred():
    candles = {name: ExchangeCandle((1, 1, 1, 1, 1), "X") for name in "abc"}
    assert [part.percent for part in explained(candles).parts] == [33.34, 33.33, 33.33]


def test_without_volume_all_exchanges_weigh_the_same():
    candles = {"a": ExchangeCandle((1, 1, 1, 1, 0), "X"), "b": ExchangeCandle((3, 3, 3, 3, 0), "X")}
    found = explained(candles, exchanges=("a", "b"))
    assert [part.priced.weight for part in found.parts] == [0.5, 0.5]
    assert found.merged == (2, 2, 2, 2, 0)


def test_extremes_take_the_highest_high_and_the_lowest_low():
    assert explained(CANDLES, method=MergeMethod(high_low="extremes")).merged[1:3] == (50100.0, 50050.0)


def test_the_stored_candle_agrees_with_its_parts_or_does_not():
    merged = explained(CANDLES).merged
    assert explained(CANDLES, StoredMerge(merged, ("a", "b", "c"))).agrees
    assert not explained(CANDLES, StoredMerge((*merged[:4], merged[4] + 1), ("a", "b", "c"))).agrees


def test_a_leg_is_explained_at_its_observed_rate():
    found = explained(CANDLES, conversion=rate_of(0.99))
    assert part_of(found, "a").priced.converted[3] == pytest.approx(50100 * 0.99)
    assert part_of(found, "a").priced.conversion == "× 0.99 (USDT/USD: kraken)"
    stored = StoredMerge(found.merged, ("a", "b", "c"))
    assert explained(CANDLES, stored, conversion=rate_of(0.99)).agrees
    assert not explained(CANDLES, stored, conversion=rate_of(0.98)).agrees


def test_an_exchange_that_was_left_out_is_checked_again_and_named():
    wrong = {**CANDLES, "c": ExchangeCandle((40000.0,) * 4 + (67.8,), "BTC/USD")}
    merged = explained(wrong).merged
    found = explained(wrong, StoredMerge(merged, ("a", "b"), ("c",)), answered("a", "b", "c"))
    assert (found.agrees, found.is_complete, state_of(found, "c")) == (True, True, "excluded")
    assert part_of(found, "c").priced.notes == ("excluded: open -20.1 %",)
    assert [part.percent for part in found.parts] == [55.86, 44.14, None]


def test_a_candle_that_came_after_the_merge_is_shown_but_not_counted():
    found = explained(CANDLES, StoredMerge(CANDLES["a"].ohlcv, ("a",)), answered("a", "b", "c"))
    assert [part.state for part in found.parts] == ["used", "not merged", "not merged"]
    assert [part.percent for part in found.parts] == [100, None, None]
    assert found.agrees
    assert not found.is_complete


def test_an_exchange_removed_from_the_settings_does_not_count():
    stored = StoredMerge(CANDLES["a"].ohlcv, ("a",))
    records = {**answered("a"), "c": recorded("c", stretch(MinuteState.FAILED, reason="HTTP 500"))}
    found = explained({name: CANDLES[name] for name in "ab"}, stored, records, exchanges=("a",))
    assert [part.state for part in found.parts] == ["used", "not used", "not used"]
    assert (found.agrees, found.is_complete, found.answered) == (True, True, 1)
    assert explained(CANDLES, exchanges=("a",)).merged == CANDLES["a"].ohlcv
    assert not explained({"b": CANDLES["b"]}, exchanges=("a",)).was_asked


def test_a_merge_made_before_its_exchange_was_removed_still_agrees():
    merged = explained(CANDLES).merged
    found = explained(CANDLES, StoredMerge(merged, ("a", "b", "c")), answered("a", "b", "c"), exchanges=("a",))
    assert ({part.state for part in found.parts}, found.is_complete) == ({"used"}, True)


def test_without_a_record_the_exchange_was_not_asked():
    assert state_of(explained({}), "c") == MinuteState.NOT_ASKED


def test_a_minute_outside_of_all_stretches_is_quiet():
    assert state_of(explained({}, records=answered("c")), "c") == MinuteState.QUIET


@pytest.mark.parametrize("state", ["outage", "not_listed", "silent", "rejected", "failed", "unobtainable"])
def test_an_exchange_without_a_candle_has_a_state_and_a_reason(state):
    records = {"c": recorded("c", stretch(MinuteState(state), reason="why"))}
    found = explained({name: CANDLES[name] for name in ("a", "b")}, records=records)
    part = part_of(found, "c")
    assert part.state == state
    assert part.stretch is not None
    assert part.stretch.reason == "why"


def test_nothing_stored_agrees_with_nothing_to_merge():
    found = explained({})
    assert (found.merged, found.stored, found.agrees, found.is_merged) == (None, None, True, False)


def test_a_minute_without_trades_is_merged_without_a_candle():
    found = explained({}, StoredMerge(None, ()), answered("a", "b", "c"), merged_day(WITHOUT_CANDLE))
    assert (found.is_merged, found.agrees, found.is_complete) == (True, True, True)


def test_a_stored_candle_without_its_parts_does_not_agree():
    assert not explained({}, StoredMerge((1, 1, 1, 1, 1), ("a",))).agrees


def test_answers_are_counted_against_those_that_are_needed():
    records = {**answered("a"), "c": recorded("c", stretch(MinuteState.FAILED))}
    found = explained({"a": CANDLES["a"]}, records=records)
    assert (found.answered, found.rules.needed) == (1, 3)
    assert explained({"a": CANDLES["a"]}, records=records, minimum=2).rules.needed == 2


def test_a_silence_counts_as_an_answer_until_the_day_is_closed():
    records = {**answered("a"), "c": recorded("c", stretch(MinuteState.SILENT))}
    assert explained({}, records=records).answered == 2
    closed = {**records, "c": replace(records["c"], closed=(MINUTE,))}
    assert explained({}, records=closed).answered == 1


def test_the_day_says_what_a_minute_waits_for():
    day = replace(merged_day(0), waiting=(Waiting(MINUTE.start_ms, MINUTE.end_ms, "c failed: HTTP 500", 0),))
    assert explained({}, day=day).waiting == "c failed: HTTP 500"


def test_a_merge_with_earlier_settings_is_detected():
    assert explained({}, day=merged_day(method="old"), method_text="new").was_merged_otherwise
    assert not explained({}, day=merged_day(method="new"), method_text="new").was_merged_otherwise


def test_the_grade_is_that_of_the_stored_minute():
    stored = StoredMerge(explained(CANDLES).merged, ("a", "b", "c"))
    final, provisional = merged_day(state=RecordState.FINAL), merged_day()
    assert (explained(CANDLES, stored, day=final).grade, explained(CANDLES, stored, day=provisional).grade) == (
        "A",
        "D",
    )
    assert explained(CANDLES).grade == ""
