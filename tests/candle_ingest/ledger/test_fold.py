import itertools
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from candle_ingest.candles.pace import Pace
from candle_ingest.candles.window import DAY_MS, MINUTE_MS
from candle_ingest.ledger.day_record import ClosingRule, RecordState, new_day_record
from candle_ingest.ledger.fold import fold, prove, reset_not_listed, reset_unobtainable
from candle_ingest.ledger.look import Surroundings
from candle_ingest.ledger.minute_state import MinuteState
from tests.candle_ingest.day import DAY, minutes
from tests.candle_ingest.ledger.looks import BUSY, CLOSED_MS, EMPTY, HOUR, RULE, THIN, closing, counts, look

THIN_DAY = range(0, 1440, 61)
ALL_BUT_TEN = [m for m in range(1440) if not 700 <= m < 710]
windows = st.tuples(st.integers(0, 1440), st.integers(0, 1440)).map(sorted).map(tuple)


def test_a_day_nobody_asked_for_is_not_asked():
    assert counts(EMPTY) == {"not_asked": 1440}
    assert EMPTY.state == RecordState.PROVISIONAL


def test_a_closing_look_with_a_candle_in_each_minute_is_final():
    record = fold(EMPTY, closing(traded=range(1440)), BUSY)
    assert (counts(record), record.state, record.due_ms(RULE)) == ({"present": 1440}, RecordState.FINAL, None)


def test_a_look_during_the_day_is_provisional_and_due_after_it():
    record = fold(EMPTY, look(0, 600, traded=range(600), asked_ms=DAY + 600 * MINUTE_MS), BUSY)
    assert counts(record) == {"present": 600, "not_asked": 840}
    assert (record.state, record.due_ms(RULE)) == (RecordState.PROVISIONAL, CLOSED_MS)


def test_an_exchange_with_a_short_history_is_due_for_each_part():
    record = fold(EMPTY, look(0, 700, traded=range(700)), BUSY)
    assert record.due_ms(ClosingRule(HOUR, 600 * MINUTE_MS)) == DAY + 660 * MINUTE_MS
    record = fold(record, replace(look(0, 600, traded=range(600)), closing=minutes(0, 600)), BUSY)
    assert record.due_ms(ClosingRule(HOUR, 600 * MINUTE_MS)) == DAY + 1260 * MINUTE_MS


def test_a_silence_of_an_hour_in_a_busy_market_is_not_believed():
    record = fold(EMPTY, closing(traded=[*range(600), *range(660, 1440)]), BUSY)
    assert counts(record) == {"present": 1380, "silent": 60}
    assert (record.state, record.due_ms(RULE)) == (RecordState.OPEN, CLOSED_MS + HOUR)


def test_a_silence_of_an_hour_in_a_thin_market_is_quiet_and_final():
    record = fold(EMPTY, closing(traded=range(0, 1440, 61)), THIN)
    assert counts(record) == {"present": 24, "quiet": 1416}
    proved = prove(record, DAY + DAY_MS + 10 * MINUTE_MS)
    assert (record.state, proved.state) == (RecordState.OPEN, RecordState.FINAL)


def test_a_proof_younger_than_the_answer_proves_nothing():
    record = fold(EMPTY, closing(traded=range(0, 1440, 61)), THIN)
    assert prove(record, CLOSED_MS + 1).state == RecordState.OPEN


def test_a_silence_found_twice_a_day_apart_becomes_an_outage_after_a_trade():
    silent = {"traded": [*range(600), *range(660, 1440)]}
    record = fold(EMPTY, closing(**silent), BUSY)
    record = fold(record, closing(**silent, asked_ms=CLOSED_MS + HOUR), BUSY)
    assert counts(record) == {"present": 1380, "silent": 60}
    assert record.due_ms(RULE) == CLOSED_MS + HOUR + DAY_MS
    record = fold(record, closing(**silent, asked_ms=CLOSED_MS + HOUR + DAY_MS), BUSY)
    assert (counts(record), record.state) == ({"present": 1380, "outage": 60}, RecordState.FINAL)


def test_a_silence_of_an_exchange_that_never_traded_again_is_no_outage():
    record = fold(EMPTY, closing(traded=range(600)), BUSY)
    for days in (1, 5, 10):
        record = fold(record, closing(traded=range(600), asked_ms=CLOSED_MS + days * DAY_MS), BUSY)
    assert counts(record) == {"present": 600, "silent": 840}
    record = fold(record, closing(traded=range(600), asked_ms=CLOSED_MS + 15 * DAY_MS), BUSY)
    assert (counts(record), record.state) == ({"present": 600, "unobtainable": 840}, RecordState.UNOBTAINABLE)


def test_a_failure_is_asked_again_after_a_quarter_of_an_hour_and_then_less_often():
    record, asked_ms, waits = EMPTY, CLOSED_MS, []
    for _ in range(9):
        record = fold(record, look(failed=[(0, 1440)], asked_ms=asked_ms), BUSY)
        waits.append((record.stretches[0].due_ms - asked_ms) // MINUTE_MS)
        asked_ms = record.stretches[0].due_ms
    assert waits == [15, 30, 60, 120, 240, 480, 960, 1440, 1440]


def test_requests_made_before_a_failure_is_due_count_as_no_try():
    record = EMPTY
    for minute in range(0, 60, 5):
        record = fold(record, look(0, 60, failed=[(0, 60)], asked_ms=CLOSED_MS + minute * MINUTE_MS), BUSY)
    assert record.stretches[0].tries == 3


def test_a_success_inside_a_failure_leaves_the_rest_with_its_tries():
    record = fold(EMPTY, look(failed=[(0, 1440)]), BUSY)
    record = fold(record, look(failed=[(0, 1440)], asked_ms=record.stretches[0].due_ms), BUSY)
    record = fold(record, look(0, 600, traded=range(600)), BUSY)
    assert [(s.window, s.tries) for s in record.stretches] == [(minutes(600, 1440), 2)]


def test_a_failure_takes_nothing_back():
    answered = fold(EMPTY, closing(traded=range(0, 1440, 2)), Surroundings(history=Pace(700, 1440)))
    failed = fold(answered, look(failed=[(0, 1440)]), BUSY)
    assert failed.counts() == answered.counts()


def test_a_failed_closing_look_is_due_again_after_a_quarter_of_an_hour():
    record = fold(EMPTY, look(0, 1440, traded=range(1440), asked_ms=DAY + DAY_MS), BUSY)
    record = fold(record, closing(failed=[(0, 1440)]), BUSY)
    assert (record.state, record.due_ms(RULE)) == (RecordState.PROVISIONAL, CLOSED_MS + 15 * MINUTE_MS)


def test_a_row_that_cannot_be_trusted_costs_no_other_minute():
    record = fold(EMPTY, closing(traded=[m for m in range(1440) if m != 700], rejected=[(700, 701)]), BUSY)
    assert (counts(record), record.state) == ({"present": 1439, "rejected": 1}, RecordState.OPEN)
    for days in range(20):
        asked_ms = CLOSED_MS + days * DAY_MS
        record = fold(record, look(700, 701, rejected=[(700, 701)], asked_ms=asked_ms), BUSY)
    assert (counts(record), record.state) == ({"present": 1439, "unobtainable": 1}, RecordState.UNOBTAINABLE)
    assert "given up after 14 days" in record.stretches[0].reason


def test_what_is_unobtainable_is_due_again_on_demand():
    record = fold(EMPTY, closing(unobtainable=[(0, 1440)]), BUSY)
    assert (record.state, record.due_ms(RULE)) == (RecordState.UNOBTAINABLE, None)
    again = reset_unobtainable(record, CLOSED_MS + 1)
    assert (again.state, again.due_ms(RULE)) == (RecordState.OPEN, CLOSED_MS + 1)


def test_not_listed_never_lies_over_or_behind_a_candle():
    record = fold(EMPTY, look(600, 700, traded=range(600, 700)), BUSY)
    record = fold(record, closing(traded=range(600, 1440), not_listed=[(0, 1440)]), BUSY)
    assert counts(record) == {"present": 840, "not_listed": 600}


def test_an_exchange_that_does_not_list_the_pair_is_final_without_a_look():
    record = fold(EMPTY, look(not_listed=[(0, 1440)], asked_ms=DAY), BUSY)
    assert (record.state, record.due_ms(RULE)) == (RecordState.FINAL, None)


def test_changes_name_what_differs_and_a_merge_takes_them_away():
    first = fold(EMPTY, look(0, 600, traded=range(600), version=5), BUSY)
    same = fold(first, look(0, 600, traded=range(600), version=6), BUSY)
    assert (same.unmerged(), same.answered_version) == ([minutes(0, 600)], 5)
    merged = replace(same, merged_version=5)
    assert merged.unmerged() == []
    later = fold(merged, replace(look(0, 600, traded=range(600), version=8), changed=(minutes(10, 11),)), BUSY)
    assert (later.unmerged(), later.answered_version) == ([minutes(10, 11)], 8)
    assert len(later.changes) == 1


def test_a_closing_look_has_the_day_merged_once_more():
    merged = replace(fold(EMPTY, look(traded=range(1440), version=5), BUSY), merged_version=5)
    closed = fold(merged, closing(traded=range(1440), version=6), BUSY)
    assert (merged.unmerged(), closed.unmerged(), closed.answered_version) == ([], [minutes(0, 1440)], 6)


def test_a_missing_row_is_silent_however_thin_the_market_is():
    record = fold(EMPTY, closing(traded=THIN_DAY, flat=ALL_BUT_TEN, missing=[(700, 710)]), THIN)
    assert counts(record) == {"present": 1430, "silent": 10}
    assert (record.state, record.due_ms(RULE)) == (RecordState.OPEN, CLOSED_MS + HOUR)
    assert record.stretch_at(minutes(700, 701).start_ms).reason.startswith("the answer lacks the candle")


def test_a_missing_row_stays_open_when_another_part_of_the_day_is_answered():
    record = fold(EMPTY, closing(traded=THIN_DAY, flat=ALL_BUT_TEN, missing=[(700, 710)]), THIN)
    record = fold(record, look(0, 100, traded=range(0, 100, 61), flat=range(100)), THIN)
    assert counts(record) == {"present": 1430, "silent": 10}


def test_a_missing_row_that_comes_later_is_present():
    record = fold(EMPTY, closing(flat=ALL_BUT_TEN, missing=[(700, 710)]), THIN)
    record = fold(record, look(700, 710, flat=range(700, 710), asked_ms=CLOSED_MS + HOUR), THIN)
    assert (counts(record), record.stretches) == ({"present": 1440}, ())


def test_a_row_missing_in_two_looks_a_day_apart_is_an_outage():
    lacking = {"traded": THIN_DAY, "flat": ALL_BUT_TEN, "missing": [(700, 710)]}
    record = fold(EMPTY, closing(**lacking), THIN)
    record = fold(record, closing(**lacking, asked_ms=CLOSED_MS + DAY_MS), THIN)
    assert (counts(record), record.state) == ({"present": 1430, "outage": 10}, RecordState.FINAL)


def test_missing_rows_of_an_exchange_that_never_trades_again_are_given_up():
    lacking = {"flat": range(700), "missing": [(700, 1440)]}
    record = EMPTY
    for days in (0, 1, 4, 7, 10, 15):
        record = fold(record, closing(**lacking, asked_ms=CLOSED_MS + days * DAY_MS), THIN)
    assert (counts(record), record.state) == ({"present": 700, "unobtainable": 740}, RecordState.UNOBTAINABLE)
    assert "given up after 15 days: the answer lacks" in record.stretches[0].reason


def test_trades_settle_what_the_candles_lacked():
    record = fold(EMPTY, closing(traded=THIN_DAY, flat=ALL_BUT_TEN, missing=[(700, 710)]), THIN)
    record = fold(record, look(700, 710, asked_ms=CLOSED_MS + HOUR), THIN)
    assert counts(record) == {"present": 1430, "quiet": 10}


@st.composite
def looks(draw):
    first, last = draw(windows.filter(lambda w: w[0] < w[1]))
    within = st.integers(first, last - 1)
    # A minute of an answer has one fate: the parts do not overlap.
    cuts = sorted(draw(st.lists(within, min_size=8, max_size=8)))
    names = draw(st.permutations(["failed", "rejected", "unobtainable", "not_listed"]))
    parts = zip(names, zip(cuts[::2], cuts[1::2], strict=True), strict=True)
    found = {name: [part] for name, part in parts if part[0] < part[1] and draw(st.booleans())}
    asked_ms = CLOSED_MS + draw(st.integers(0, 40)) * DAY_MS // 2
    taken = {m for group in found.values() for w in group for m in range(*w)}
    traded = [m for m in draw(st.sets(within, max_size=200)) if m not in taken]
    lacking = draw(st.lists(st.tuples(within, within).map(sorted), max_size=2))
    version = draw(st.integers(1, 99))
    return look(first, last, traded=traded, asked_ms=asked_ms, version=version, missing=lacking, **found)


@settings(max_examples=100, deadline=None)
@given(st.lists(looks(), max_size=6))
def test_the_counts_always_add_up_and_candles_stay(given_looks):
    record, seen = EMPTY, set()
    for one in given_looks:
        record = fold(record, one, BUSY)
        seen |= set(one.open_times_ms.tolist())
        parts = record.counts().to_dict()
        assert parts.pop("expected") == sum(parts.values()) == 1440
        assert all(record.state_at(time_ms) == MinuteState.PRESENT for time_ms in seen)
        ends = [(s.start_ms, s.end_ms) for s in record.stretches]
        assert all(a[1] <= b[0] for a, b in itertools.pairwise(ends))
        assert all(record.state_at(s.start_ms) == s.state for s in record.stretches)


def open_times(of):
    return {time_ms for window in of for time_ms in range(window.start_ms, window.end_ms, MINUTE_MS)}


def test_a_missing_row_is_open_once_an_earlier_candle_shows_the_market_was_listed():
    record = fold(EMPTY, look(0, 2, not_listed=[(0, 2)]), THIN)
    record = fold(record, replace(look(0, 2), missing=(minutes(0, 2),)), THIN)
    assert counts(record) == {"not_listed": 2, "not_asked": 1438}
    record = fold(record, look(0, 1, traded=[0]), THIN)
    assert counts(record) == {"present": 1, "silent": 1, "not_asked": 1438}


@settings(max_examples=100, deadline=None)
@given(st.lists(looks(), max_size=4), st.sampled_from([BUSY, THIN]))
def test_a_minute_whose_last_answer_lacked_its_row_is_never_quiet(given_looks, known):
    record, lacking = EMPTY, set()
    for one in given_looks:
        record = fold(record, one, known)
        answered = open_times(one.answered_windows())
        listed = lacking - open_times(found.window for found in one.not_listed)
        lacking = (listed - answered) | (answered & open_times(one.missing))
        assert all(record.state_at(time_ms) != MinuteState.QUIET for time_ms in lacking)


@settings(max_examples=100, deadline=None)
@given(st.lists(looks(), max_size=3), looks())
def test_folding_a_look_twice_equals_folding_it_once(before, one):
    record = EMPTY
    for other in before:
        record = fold(record, other, BUSY)
    once = fold(record, one, BUSY)
    twice = fold(once, one, BUSY)
    assert twice == once


@settings(max_examples=100, deadline=None)
@given(st.integers(1, 1439), st.sets(st.integers(0, 1439), max_size=300), st.sampled_from([BUSY, THIN]))
def test_the_order_of_looks_at_different_parts_does_not_matter(border, traded, known):
    early = look(0, border, traded=[m for m in traded if m < border])
    late = look(border, 1440, traded=[m for m in traded if m >= border])
    one = fold(fold(EMPTY, early, known), late, known)
    other = fold(fold(EMPTY, late, known), early, known)
    assert one.states.tolist() == other.states.tolist()


@pytest.mark.parametrize("slots", [1, 24, 1440])
def test_a_day_of_any_candle_length_adds_up(slots):
    record = new_day_record("BTC/USD", "kraken", DAY, DAY_MS // slots)
    assert record.counts().expected == slots


def test_a_day_that_lacks_every_other_row_stays_open():
    lacking = {"traded": range(0, 1440, 2), "missing": [(minute, minute + 1) for minute in range(1, 1440, 2)]}
    record = fold(fold(EMPTY, closing(**lacking), BUSY), closing(**lacking, asked_ms=CLOSED_MS + HOUR), BUSY)
    assert counts(record) == {"present": 720, "silent": 720}


def test_a_silence_whose_requests_fail_is_given_up_in_the_end():
    record = fold(EMPTY, closing(traded=[*range(600), *range(660, 1440)]), BUSY)
    for _ in range(40):
        due_ms = min((s.due_ms for s in record.stretches if s.due_ms), default=None)
        if due_ms is None:
            break
        record = fold(record, look(600, 660, failed=[(600, 660)], asked_ms=due_ms), BUSY)
    assert (counts(record), record.state) == ({"present": 1380, "unobtainable": 60}, RecordState.UNOBTAINABLE)
    assert record.last_look_ms - CLOSED_MS < 16 * DAY_MS
    assert record.looks < 30


def test_a_quiet_end_that_later_candles_cannot_prove_is_asked_for_once_more():
    record = fold(EMPTY, closing(traded=range(1439)), Surroundings(history=BUSY.history, alive_ms=CLOSED_MS + 1))
    assert (record.state, record.proof_window(CLOSED_MS + HOUR)) == (RecordState.OPEN, None)
    assert record.proof_window(CLOSED_MS + 2 * HOUR) == minutes(1439, 1440)
    again = closing(first=1439, asked_ms=CLOSED_MS + 2 * HOUR)
    proved = fold(record, again, Surroundings(history=BUSY.history, alive_ms=CLOSED_MS + HOUR))
    assert (proved.state, proved.proof_window(CLOSED_MS + 9 * HOUR)) == (RecordState.FINAL, None)


def closing_given_up():
    record = fold(EMPTY, look(traded=range(1440), asked_ms=DAY + DAY_MS), BUSY)
    return failing(record, CLOSED_MS)


def failing(record, asked_ms):
    """Let each closing look fail, beginning at `asked_ms`, until no more is due."""
    while asked_ms is not None:
        record = fold(record, closing(failed=[(0, 1440)], asked_ms=asked_ms), BUSY)
        asked_ms = record.due_ms(RULE)
    return record


def test_a_day_whose_closing_look_failed_for_two_weeks_is_unobtainable_not_final():
    record = closing_given_up()
    assert (counts(record), record.state) == ({"present": 1440}, RecordState.UNOBTAINABLE)
    assert (record.unconfirmed_slots, record.unconfirmed_reason) == (1440, "given up after 14 days: failed")
    assert 14 * DAY_MS <= record.last_look_ms - CLOSED_MS < 16 * DAY_MS
    whole = closing(traded=range(1440), asked_ms=CLOSED_MS + 20 * DAY_MS)
    assert fold(record, whole, BUSY).state == RecordState.FINAL


def test_a_retry_asks_for_a_closing_look_that_was_given_up_for_two_more_weeks():
    record, now_ms = closing_given_up(), CLOSED_MS + 30 * DAY_MS
    again = reset_unobtainable(record, now_ms)
    assert (again.state, again.unconfirmed_slots) == (RecordState.PROVISIONAL, 0)
    assert (again.due_ms(RULE), again.unclosed()) == (CLOSED_MS, [minutes(0, 1440)])
    given_up = failing(again, now_ms)
    assert (given_up.state, given_up.unconfirmed_slots) == (RecordState.UNOBTAINABLE, 1440)
    assert given_up.last_look_ms - now_ms >= 14 * DAY_MS
    confirmed = fold(again, closing(traded=range(1440), asked_ms=now_ms), BUSY)
    assert (confirmed.state, confirmed.unconfirmed) == (RecordState.FINAL, ())


def test_an_old_day_one_page_of_which_fails_once_becomes_final():
    years_later = CLOSED_MS + 1000 * DAY_MS
    known = replace(BUSY, alive_ms=years_later - 1)
    record = fold(EMPTY, closing(traded=range(720), failed=[(720, 1440)], asked_ms=years_later), known)
    rest = closing(first=720, traded=range(720, 1440), asked_ms=years_later + HOUR)
    record = fold(record, rest, known)
    assert (counts(record), record.state) == ({"present": 1440}, RecordState.FINAL)


def test_a_refetch_that_fails_takes_no_closing_look_back():
    record = fold(EMPTY, closing(traded=range(1440)), BUSY)
    assert failing(record, CLOSED_MS + 20 * DAY_MS).state == RecordState.FINAL
    again = fold(record, closing(failed=[(0, 1440)], asked_ms=CLOSED_MS + 90 * DAY_MS), BUSY)
    assert (again.state, again.unconfirmed) == (RecordState.FINAL, ())


def test_minutes_that_are_given_up_need_no_closing_look():
    record = failing(fold(EMPTY, look(0, 720, traded=range(720), asked_ms=DAY + DAY_MS // 2), BUSY), CLOSED_MS)
    record = failing(record, CLOSED_MS)
    assert counts(record) == {"present": 720, "unobtainable": 720}
    assert (record.state, record.unconfirmed) == (RecordState.UNOBTAINABLE, (minutes(0, 720),))


def test_what_only_the_list_of_markets_had_denied_is_due_once_it_is_listed():
    unlisted = fold(EMPTY, replace(look(not_listed=[(0, 1440)], asked_ms=DAY), by_list=True), BUSY)
    assert (counts(unlisted), unlisted.due_ms(RULE)) == ({"not_listed": 1440}, None)
    noon_ms, later_ms = DAY + 720 * MINUTE_MS, DAY + 900 * MINUTE_MS
    again = reset_not_listed(unlisted, noon_ms, later_ms + 1)
    assert (counts(again), again.due_ms(RULE)) == ({"not_listed": 720, "failed": 180, "not_asked": 540}, later_ms)
    assert reset_not_listed(again, DAY, later_ms) == again
    whole = reset_not_listed(unlisted, DAY - DAY_MS, CLOSED_MS)
    assert counts(fold(whole, closing(traded=range(1440)), BUSY)) == {"present": 1440}


def test_what_the_candles_prove_not_to_be_listed_stays_not_listed():
    record = fold(EMPTY, closing(traded=range(720, 1440), not_listed=[(0, 720)]), BUSY)
    assert reset_not_listed(record, DAY, CLOSED_MS) == record
