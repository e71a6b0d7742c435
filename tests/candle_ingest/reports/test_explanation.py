from dataclasses import replace

import pytest

from candle_ingest.candles.window import MINUTE_MS, Window
from candle_ingest.ledger.day_record import new_day_record
from candle_ingest.ledger.minute_state import MinuteState
from candle_ingest.ledger.stretch import Stretch
from candle_ingest.reports.explanation import ExchangeCandle, StoredMerge, explain

TIME_MS = 1_767_225_600_000
MINUTE = Window(TIME_MS, TIME_MS + MINUTE_MS)
# The example of three exchanges: close 50077.23, volume 283.5.
CLOSES = {"a": (50100.0, 120.5), "b": (50050.0, 95.2), "c": (50075.0, 67.8)}
CANDLES = {name: ExchangeCandle((close,) * 4 + (volume,), "BTC/USDT") for name, (close, volume) in CLOSES.items()}


def recorded(exchange, *stretches, marks=None):
    """A record of the day with these stretches; what they leave out was answered."""
    known = new_day_record("BTC/USD", exchange, TIME_MS, MINUTE_MS)
    return replace(known, stretches=stretches, marks=known.marks if marks is None else marks)


def stretch(state, **values):
    return Stretch(start_ms=TIME_MS, end_ms=TIME_MS + MINUTE_MS, state=state, **values)


def answered(*exchanges):
    return {exchange: recorded(exchange) for exchange in exchanges}


def explained(candles, stored=None, records=None, exchanges=("a", "b", "c"), **options):
    return explain(MINUTE, exchanges, candles, stored, records or {}, **options)


def state_of(explanation, exchange):
    return next(part.state for part in explanation.parts if part.exchange == exchange)


def test_weights_are_shares_of_the_volume_and_give_the_merged_close():
    found = explained(CANDLES, records=answered("a", "b", "c"))
    weights = {part.exchange: part.weight for part in found.parts}
    assert weights == pytest.approx({"a": 0.42504, "b": 0.33580, "c": 0.23915}, abs=1e-5)
    assert found.merged[3] == pytest.approx(50077.23, abs=0.005)
    assert found.merged[4] == pytest.approx(283.5)
    assert found.merged[3] == pytest.approx(sum(weights[name] * CLOSES[name][0] for name in weights))


def test_without_any_volume_all_weigh_the_same():
    candles = {"a": ExchangeCandle((1, 1, 1, 1, 0), "X"), "b": ExchangeCandle((3, 3, 3, 3, 0), "X")}
    found = explained(candles, exchanges=("a", "b"))
    assert [part.weight for part in found.parts] == [0.5, 0.5]
    assert found.merged == (2, 2, 2, 2, 0)


def test_extremes_take_the_highest_and_the_lowest():
    assert explained(CANDLES, high_low="extremes").merged[1:3] == (50100.0, 50050.0)


def test_the_stored_candle_agrees_with_its_parts_or_does_not():
    merged = explained(CANDLES).merged
    assert explained(CANDLES, StoredMerge(merged, ("a", "b", "c"))).agrees
    assert not explained(CANDLES, StoredMerge((*merged[:4], merged[4] + 1), ("a", "b", "c"))).agrees


def test_what_came_after_the_merge_is_shown_and_not_counted():
    found = explained(CANDLES, StoredMerge(CANDLES["a"].ohlcv, ("a",)), answered("a", "b", "c"))
    assert [part.state for part in found.parts] == ["used", "not merged", "not merged"]
    assert [part.weight for part in found.parts] == [1, None, None]
    assert found.agrees


def test_without_a_record_the_exchange_was_not_asked():
    assert state_of(explained({}), "c") == MinuteState.NOT_ASKED


def test_a_minute_outside_of_all_stretches_is_quiet():
    assert state_of(explained({}, records=answered("c")), "c") == MinuteState.QUIET


@pytest.mark.parametrize("state", ["outage", "not_listed", "silent", "rejected", "failed", "unobtainable"])
def test_an_exchange_without_a_candle_has_a_state_and_a_reason(state):
    records = {"c": recorded("c", stretch(MinuteState(state), reason="why"))}
    found = explained({name: CANDLES[name] for name in ("a", "b")}, records=records)
    [part] = [part for part in found.parts if part.exchange == "c"]
    assert part.state == state
    assert part.stretch is not None
    assert part.stretch.reason == "why"


def test_nothing_stored_and_nothing_to_merge_agree():
    found = explained({})
    assert (found.merged, found.stored, found.agrees) == (None, None, True)


def test_a_stored_candle_without_its_parts_does_not_agree():
    assert not explained({}, StoredMerge((1, 1, 1, 1, 1), ("a",))).agrees
