import pytest

from candle_ingest.candles.window import DAY_MS, Window
from candle_ingest.ledger.coverage import ANSWERED, CONFIRMED, FAILED, NOT_LISTED, REJECTED, SUSPECTED, Entry
from candle_ingest.ledger.due_work import Gap, Merge, due_gaps, due_ms, stale_windows

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


def merge(first, last, *exchanges, at=0, read_at=None):
    return Merge("BTC/USD", window(first, last), frozenset(exchanges), at if read_at is None else read_at, at)


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


DAY = [Window(0, DAY_MS)]


def stale(entries, merges, minimum=1, days=DAY, bar_ms=MINUTE):
    return stale_windows(entries, merges, days, bar_ms, minimum)


def test_a_merge_is_stale_where_an_answer_came_after_it_or_took_no_part_in_it():
    known = [entry(0, 60, FAILED), entry(0, 60, ANSWERED, at=5)]
    assert stale(known, []) == [window(0, 60)]
    assert stale(known, [merge(0, 60, "htx", at=9)]) == [window(0, 60)]
    assert stale(known, [merge(0, 60, "kraken", at=4)]) == [window(0, 60)]
    assert stale(known, [merge(0, 60, "kraken", "htx", at=5)]) == []
    assert stale(known, [merge(0, 40, "kraken", at=9)]) == [window(40, 60)]


def test_what_was_answered_beside_a_failure_is_stale_too():
    known = [entry(0, 60, ANSWERED, exchange="htx"), entry(0, 20, ANSWERED), entry(20, 60, FAILED)]
    assert stale(known, [merge(0, 60, "htx", at=9)]) == [window(0, 20)]


def test_the_last_merge_counts_not_the_best_one():
    known = [entry(0, 60, ANSWERED), entry(0, 60, ANSWERED, exchange="htx")]
    merges = [merge(50, 60, "htx", at=9), merge(0, 60, "kraken", "htx", at=5)]
    assert stale(known, merges) == [window(50, 60)]


def test_an_answer_between_the_reading_of_a_merge_and_its_writing_took_no_part_in_it():
    known = [entry(0, 60, ANSWERED, at=5)]
    assert stale(known, [merge(0, 60, "kraken", at=9, read_at=4)]) == [window(0, 60)]
    assert stale(known, [merge(0, 60, "kraken", at=9, read_at=4), merge(0, 60, "kraken", at=8, read_at=7)]) != []


def test_nothing_is_stale_for_which_too_few_exchanges_have_answered():
    known = [entry(0, 60, ANSWERED, exchange="htx"), entry(0, 20, ANSWERED)]
    assert stale(known, [], minimum=2) == [window(0, 20)]
    assert stale(known, [], minimum=3) == []
    assert stale([], []) == []


def test_a_market_that_was_not_listed_yet_has_answered():
    known = [entry(0, 60, ANSWERED, exchange="htx"), entry(0, 60, NOT_LISTED)]
    assert stale(known, [], minimum=2) == [window(0, 60)]


def test_an_exchange_that_has_never_answered_makes_nothing_stale():
    known = [entry(0, 60, ANSWERED, exchange="htx"), entry(0, 60, FAILED), entry(0, 60, SUSPECTED)]
    assert stale(known, [merge(0, 60, "htx")]) == []


def test_days_apart_are_looked_at_apart():
    days = [Window(0, DAY_MS), Window(3 * DAY_MS, 4 * DAY_MS)]
    known = [entry(1430, 1440, ANSWERED), entry(1440, 2880, ANSWERED), entry(4320, 4330, ANSWERED)]
    assert stale(known, [], days=days) == [window(1430, 1440), window(4320, 4330)]


def test_candles_of_an_hour_are_counted_by_the_hour():
    assert stale([entry(60, 180, ANSWERED)], [merge(60, 120, "kraken")], bar_ms=60 * MINUTE) == [window(120, 180)]
