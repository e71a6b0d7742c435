import pytest

from candle_ingest.core.coverage import ANSWERED, CONFIRMED, FAILED, REJECTED, SUSPECTED, Entry
from candle_ingest.core.repair import Gap, Merge, due_gaps, due_ms, unmerged
from candle_ingest.core.window import DAY_MS, Window

MINUTE = 60_000
LATER = 10 * DAY_MS


def window(first, last):
    return Window(first * MINUTE, last * MINUTE)


def entry(first, last, status, *, exchange="kraken", at=0, tries=1, outcome=""):
    return Entry(
        currency_pair="BTC/USD",
        exchange=exchange,
        window=window(first, last),
        status=status,
        recorded_at_ms=at,
        tries=tries,
        outcome=outcome,
    )


def merge(first, last, *exchanges, at=0):
    return Merge("BTC/USD", window(first, last), frozenset(exchanges), at)


def test_what_failed_and_was_not_answered_since_is_a_gap():
    known = [entry(0, 60, FAILED), entry(0, 20, ANSWERED), entry(70, 71, REJECTED)]
    assert due_gaps(known, LATER) == [Gap("kraken", window(20, 60), False), Gap("kraken", window(70, 71), False)]


def test_a_suspicion_is_asked_again_though_it_was_answered():
    known = [entry(0, 60, ANSWERED), entry(0, 60, SUSPECTED)]
    assert due_gaps(known, LATER) == [Gap("kraken", window(0, 60), True)]


def test_a_suspicion_that_ended_is_no_gap():
    assert due_gaps([entry(0, 60, SUSPECTED, outcome=CONFIRMED)], LATER) == []


def test_each_exchange_has_its_own_gaps():
    known = [entry(0, 60, FAILED), entry(0, 60, ANSWERED, exchange="htx"), entry(5, 9, FAILED, exchange="htx")]
    assert due_gaps(known, LATER) == [Gap("kraken", window(0, 60), False)]


def test_no_minute_is_asked_for_twice_in_one_repair():
    known = [entry(0, 60, FAILED), entry(0, 30, SUSPECTED)]
    assert due_gaps(known, LATER) == [Gap("kraken", window(0, 30), True), Gap("kraken", window(30, 60), False)]


@pytest.mark.parametrize(("tries", "minutes"), [(1, 15), (2, 30), (4, 120), (8, 1440), (1000, 1440)])
def test_a_failure_is_tried_again_ever_more_seldom_but_once_a_day_at_least(tries, minutes):
    assert due_ms(entry(0, 1, FAILED, at=5, tries=tries)) == 5 + minutes * MINUTE


def test_a_suspicion_rests_for_an_hour():
    known = [entry(0, 60, SUSPECTED, at=MINUTE)]
    assert due_gaps(known, 61 * MINUTE - 1) == []
    assert len(due_gaps(known, 61 * MINUTE)) == 1


def test_what_was_answered_after_a_failure_is_unmerged_until_it_took_part_in_a_merge():
    known = [entry(0, 60, FAILED), entry(0, 60, ANSWERED, at=5)]
    assert unmerged(known, []) == [window(0, 60)]
    assert unmerged(known, [merge(0, 60, "htx", at=9)]) == [window(0, 60)]
    assert unmerged(known, [merge(0, 60, "kraken", at=4)]) == [window(0, 60)]
    assert unmerged(known, [merge(0, 60, "kraken", "htx", at=5)]) == []
    assert unmerged(known, [merge(0, 40, "kraken", at=9)]) == [window(40, 60)]


def test_what_never_was_open_is_left_to_its_own_run():
    assert unmerged([entry(0, 60, ANSWERED)], []) == []


def test_a_suspicion_waits_for_its_second_answer():
    known = [entry(0, 60, SUSPECTED), entry(0, 60, ANSWERED, at=5)]
    assert unmerged(known, []) == []
