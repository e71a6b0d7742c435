import dataclasses

from hypothesis import given
from hypothesis import strategies as st

from candle_ingest.candles.window import Window
from candle_ingest.ledger.coverage import (
    ANSWERED,
    CONFIRMED,
    FAILED,
    NOT_LISTED,
    REJECTED,
    SUSPECTED,
    Account,
    Entry,
    account,
    open_windows,
    settled_windows,
)

BAR = 60_000
STATUSES = (ANSWERED, NOT_LISTED, SUSPECTED, REJECTED, FAILED)


def entry(first, last, status, outcome=""):
    return Entry(
        currency_pair="BTC/USD",
        exchange="kraken",
        window=Window(first * BAR, last * BAR),
        status=status,
        outcome=outcome,
    )


def hour(entries, present=0):
    return account(entries, Window(0, 60 * BAR), BAR, present)


NOTHING = Account(expected=60, present=0, quiet=0, not_listed=0, suspected=0, rejected=0, failed=0, not_asked=0)
windows = st.tuples(st.integers(0, 70), st.integers(1, 30)).map(lambda p: (p[0], p[0] + p[1]))
entries = st.lists(st.builds(lambda w, status: entry(w[0], w[1], status), windows, st.sampled_from(STATUSES)))


@given(entries, st.integers(0, 60))
def test_the_parts_add_up_to_what_is_expected_and_none_is_negative(known, present):
    parts = dataclasses.asdict(hour(known, present))
    assert parts.pop("expected") == 60 == sum(parts.values())
    assert min(parts.values()) >= 0


def test_without_an_entry_a_minute_was_not_asked_for():
    assert hour([]) == dataclasses.replace(NOTHING, not_asked=60)


def test_answered_minutes_without_a_candle_are_quiet():
    assert hour([entry(0, 60, ANSWERED)], present=50) == dataclasses.replace(NOTHING, present=50, quiet=10)


def test_an_answer_settles_what_failed_before():
    known = [entry(0, 60, FAILED), entry(0, 40, ANSWERED)]
    assert hour(known, present=40) == dataclasses.replace(NOTHING, present=40, failed=20)


def test_a_suspicion_is_open_until_it_has_an_outcome():
    known = [entry(0, 60, ANSWERED), entry(10, 50, SUSPECTED)]
    assert hour(known, 20) == dataclasses.replace(NOTHING, present=20, suspected=40)
    known[1] = entry(10, 50, SUSPECTED, CONFIRMED)
    assert hour(known, 20) == dataclasses.replace(NOTHING, present=20, quiet=40)


def test_what_was_rejected_does_not_count_as_failed_too():
    assert hour([entry(0, 60, FAILED), entry(5, 6, REJECTED)]) == dataclasses.replace(NOTHING, rejected=1, failed=59)


def test_before_the_listing_nothing_is_missing():
    known = [entry(0, 60, ANSWERED), entry(0, 30, NOT_LISTED)]
    sums = hour(known, present=30)
    assert sums == dataclasses.replace(NOTHING, present=30, not_listed=30)
    assert sums.open == 0


def test_settled_is_what_was_answered_or_is_older_than_the_market():
    known = [entry(0, 10, NOT_LISTED), entry(10, 20, ANSWERED), entry(30, 40, FAILED), entry(40, 50, SUSPECTED)]
    assert settled_windows(known) == [Window(0, 20 * BAR)]


@given(entries)
def test_the_open_windows_hold_the_open_minutes(known):
    sums = account(known, Window(0, 60 * BAR), BAR, 0)
    assert sum(window.slots(BAR) for window in open_windows(known, Window(0, 60 * BAR))) == sums.open
