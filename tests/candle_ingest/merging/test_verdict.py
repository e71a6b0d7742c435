from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from candle_ingest.candles.window import MINUTE_MS
from candle_ingest.ledger.day_record import new_day_record
from candle_ingest.ledger.merged_day import new_merged_day
from candle_ingest.ledger.minute_state import MinuteState
from candle_ingest.ledger.stretch import Stretch
from candle_ingest.merging.verdict import MergeRule, mergeable, waiting_stretches
from tests.candle_ingest.day import DAY, minutes

ALL = MergeRule(minimum=0)
USABLE = (MinuteState.PRESENT, MinuteState.QUIET, MinuteState.OUTAGE, MinuteState.NOT_LISTED)
states = st.lists(st.sampled_from(list(MinuteState)), min_size=5, max_size=5)


def day(*states, exchange="kraken", closed=True):
    """Return a record whose first slots have these states; the others are quiet."""
    stretches = [
        Stretch(start_ms=DAY + n * MINUTE_MS, end_ms=DAY + (n + 1) * MINUTE_MS, state=state, reason="why", since_ms=7)
        for n, state in enumerate(states)
        if state not in (MinuteState.PRESENT, MinuteState.QUIET)
    ]
    marks = bytes(2 if state == MinuteState.PRESENT else 0 for state in states).ljust(1440, b"\0")
    found = new_day_record("BTC/USD", exchange, DAY, MINUTE_MS)
    return replace(found, marks=marks, stretches=tuple(stretches), closed=(found.window,) if closed else ())


def first(records, rule=ALL):
    return bool(mergeable(records, 1440, rule)[0])


@pytest.mark.parametrize("state", list(MinuteState))
def test_a_slot_needs_an_answer_of_every_exchange_that_lists_the_pair(state):
    assert first({"a": day(MinuteState.PRESENT), "b": day(state)}) == (state in USABLE)


def test_an_exchange_that_does_not_list_the_pair_is_no_answer_by_itself():
    unlisted, failed = day(MinuteState.NOT_LISTED), day(MinuteState.FAILED)
    assert not first({"a": unlisted, "b": failed}, MergeRule(minimum=1))
    assert not first({"a": unlisted, "b": None}, MergeRule(minimum=1))
    assert first({"a": unlisted, "b": day(MinuteState.PRESENT)}, MergeRule(minimum=1))
    assert first({"a": unlisted, "b": unlisted})


def test_history_before_a_listing_does_not_wait_for_exchanges_that_cannot_answer():
    unlisted, present, failed = (day(s) for s in (MinuteState.NOT_LISTED, MinuteState.PRESENT, MinuteState.FAILED))
    assert first({"a": unlisted, "b": present}, MergeRule(minimum=2))
    assert not first({"a": unlisted, "b": present, "c": failed}, MergeRule(minimum=3))


def test_a_silence_is_usable_only_while_the_day_is_not_closed():
    assert first({"a": day(MinuteState.SILENT, closed=False)})
    assert not first({"a": day(MinuteState.SILENT)})


def test_an_exchange_that_was_not_asked_holds_the_merge_back():
    assert not first({"a": day(MinuteState.PRESENT), "b": None})
    assert first({"a": day(MinuteState.PRESENT), "b": None}, MergeRule(minimum=1))


def test_an_exchange_that_cannot_deliver_is_left_out_only_where_two_others_remain():
    gone, there = day(MinuteState.UNOBTAINABLE), day(MinuteState.PRESENT)
    merges = MergeRule(minimum=0, merges_without_unobtainable=True)
    assert not first({"a": gone, "b": there, "c": there})
    assert first({"a": gone, "b": there, "c": there}, merges)
    assert not first({"a": gone, "b": there}, merges)
    assert not first({"a": gone, "b": there, "c": day(MinuteState.FAILED)}, merges)


def test_one_bad_minute_holds_back_only_itself_and_says_why():
    records = {"a": day(MinuteState.QUIET, MinuteState.REJECTED), "b": day()}
    can_merge = mergeable(records, 1440, ALL)
    assert np.flatnonzero(~can_merge).tolist() == [1]
    [waiting] = waiting_stretches(new_merged_day("BTC/USD", DAY, MINUTE_MS), records, can_merge)
    assert (waiting.window, waiting.reason, waiting.since_ms) == (minutes(1, 2), "a rejected: why", 7)


def test_future_minutes_do_not_count_as_waiting():
    records = {"a": new_day_record("BTC/USD", "a", DAY, MINUTE_MS)}
    assert waiting_stretches(new_merged_day("BTC/USD", DAY, MINUTE_MS), records, mergeable(records, 1440, ALL)) == ()


@settings(max_examples=50)
@given(st.lists(states, min_size=1, max_size=4), st.integers(0, 4), st.booleans())
def test_nothing_is_ever_merged_from_fewer_than_required(found, minimum, without):
    records = {str(n): day(*own) for n, own in enumerate(found)}
    can_merge = mergeable(records, 1440, MergeRule(minimum=minimum, merges_without_unobtainable=without))
    for slot in range(5):
        own = [states_of[slot] for states_of in found]
        usable = sum(state in USABLE for state in own)
        if can_merge[slot] and not without:
            assert usable >= (minimum or len(own))
        if can_merge[slot]:
            assert usable or minimum == 0
