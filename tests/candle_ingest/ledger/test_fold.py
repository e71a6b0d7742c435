import itertools
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from candle_ingest.candles.pace import Pace
from candle_ingest.candles.window import DAY_MS, MINUTE_MS, subtract
from candle_ingest.ledger.day_record import RecordState
from candle_ingest.ledger.fold import fold
from candle_ingest.ledger.look import Look, Surroundings
from candle_ingest.ledger.minute_state import MinuteState
from tests.candle_ingest.day import DAY, minutes
from tests.candle_ingest.ledger.looks import BUSY, CLOSED_MS, EMPTY, THIN, closing, counts, look, looks


def test_a_failure_is_asked_again_after_a_quarter_of_an_hour_and_then_less_often():
    record, asked_ms, waits = EMPTY, CLOSED_MS, []
    for _ in range(9):
        record = fold(record, look(failed=[(0, 1440)], asked_ms=asked_ms), BUSY)
        waits.append((record.stretches[0].due_ms - asked_ms) // MINUTE_MS)
        asked_ms = record.stretches[0].due_ms
    assert waits == [15, 30, 60, 120, 240, 480, 960, 1440, 1440]


def test_requests_made_before_a_failure_is_due_do_not_count_as_tries():
    record = EMPTY
    for minute in range(0, 60, 5):
        record = fold(record, look(0, 60, failed=[(0, 60)], asked_ms=CLOSED_MS + minute * MINUTE_MS), BUSY)
    assert record.stretches[0].tries == 3


def test_a_success_inside_a_failure_leaves_the_rest_with_its_tries():
    record = fold(EMPTY, look(failed=[(0, 1440)]), BUSY)
    record = fold(record, look(failed=[(0, 1440)], asked_ms=record.stretches[0].due_ms), BUSY)
    record = fold(record, look(0, 600, traded=range(600)), BUSY)
    assert [(s.window, s.tries) for s in record.stretches] == [(minutes(600, 1440), 2)]


def test_a_failure_undoes_nothing():
    answered = fold(EMPTY, closing(traded=range(0, 1440, 2)), Surroundings(history=Pace(700, 1440)))
    failed = fold(answered, look(failed=[(0, 1440)]), BUSY)
    assert failed.counts() == answered.counts()


def test_a_rejected_row_affects_no_other_minute():
    record = fold(EMPTY, closing(traded=[m for m in range(1440) if m != 700], rejected=[(700, 701)]), BUSY)
    assert (counts(record), record.state) == ({"present": 1439, "rejected": 1}, RecordState.OPEN)
    for days in range(20):
        asked_ms = CLOSED_MS + days * DAY_MS
        record = fold(record, look(700, 701, rejected=[(700, 701)], asked_ms=asked_ms), BUSY)
    assert (counts(record), record.state) == ({"present": 1439, "unobtainable": 1}, RecordState.UNOBTAINABLE)
    assert "given up after 14 days" in record.stretches[0].reason


def test_not_listed_never_covers_or_follows_a_candle():
    record = fold(EMPTY, look(600, 700, traded=range(600, 700)), BUSY)
    record = fold(record, closing(traded=range(600, 1440), not_listed=[(0, 1440)]), BUSY)
    assert counts(record) == {"present": 840, "not_listed": 600}


def not_in_the_list() -> Look:
    return replace(look(not_listed=[(0, 1440)], asked_ms=DAY), by_list=True)


def test_minutes_to_come_are_not_asked_once_a_market_is_listed():
    noon = DAY + 720 * MINUTE_MS
    unlisted = fold(EMPTY, not_in_the_list(), BUSY)
    record = fold(unlisted, look(600, 720, traded=range(660, 720), asked_ms=noon), BUSY)
    assert counts(record) == {"present": 60, "not_listed": 660, "not_asked": 720}
    part = fold(unlisted, look(600, 720, traded=range(660, 700), failed=[(700, 720)], asked_ms=noon), BUSY)
    assert counts(part) == {"present": 40, "not_listed": 660, "failed": 20, "not_asked": 720}
    assert counts(fold(record, not_in_the_list(), BUSY)) == counts(record)


@given(st.lists(looks(), max_size=4), st.integers(0, 4))
def test_minutes_that_were_never_requested_have_no_answer(given_looks, place):
    record = EMPTY
    for one in [*given_looks[:place], not_in_the_list(), *given_looks[place:]]:
        record = fold(record, one, BUSY)
    never = subtract(record.window, [one.window for one in given_looks])
    unknown = record.windows_of([MinuteState.NOT_ASKED, MinuteState.NOT_LISTED])
    assert [part for window in never for part in subtract(window, unknown)] == []


def test_changes_list_what_differs_until_it_is_merged():
    first = fold(EMPTY, look(0, 600, traded=range(600), version=5), BUSY)
    same = fold(first, look(0, 600, traded=range(600), version=6), BUSY)
    assert (same.unmerged(), same.answered_version) == ([minutes(0, 600)], 5)
    merged = replace(same, merged_version=5)
    assert merged.unmerged() == []
    later = fold(merged, replace(look(0, 600, traded=range(600), version=8), changed=(minutes(10, 11),)), BUSY)
    assert (later.unmerged(), later.answered_version) == ([minutes(10, 11)], 8)
    assert len(later.changes) == 1


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


@given(st.lists(looks(), max_size=3), looks())
def test_folding_a_look_twice_equals_folding_it_once(before, one):
    record = EMPTY
    for other in before:
        record = fold(record, other, BUSY)
    once = fold(record, one, BUSY)
    twice = fold(once, one, BUSY)
    assert twice == once


@given(st.integers(1, 1439), st.sets(st.integers(0, 1439), max_size=300), st.sampled_from([BUSY, THIN]))
def test_the_order_of_looks_at_different_parts_does_not_matter(border, traded, known):
    early = look(0, border, traded=[m for m in traded if m < border])
    late = look(border, 1440, traded=[m for m in traded if m >= border])
    one = fold(fold(EMPTY, early, known), late, known)
    other = fold(fold(EMPTY, late, known), early, known)
    assert one.states.tolist() == other.states.tolist()
