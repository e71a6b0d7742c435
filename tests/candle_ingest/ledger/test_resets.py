from dataclasses import replace

from candle_ingest.candles.window import DAY_MS, MINUTE_MS
from candle_ingest.ledger.day_record import RecordState
from candle_ingest.ledger.fold import fold
from candle_ingest.ledger.resets import reset_not_listed, reset_unobtainable
from tests.candle_ingest.day import DAY, minutes
from tests.candle_ingest.ledger.looks import (
    BUSY,
    CLOSED_MS,
    EMPTY,
    RULE,
    closing,
    closing_given_up,
    counts,
    failing,
    look,
)


def test_unobtainable_minutes_are_due_again_on_demand():
    record = fold(EMPTY, closing(unobtainable=[(0, 1440)]), BUSY)
    assert (record.state, record.due_ms(RULE)) == (RecordState.UNOBTAINABLE, None)
    again = reset_unobtainable(record, CLOSED_MS + 1)
    assert (again.state, again.due_ms(RULE)) == (RecordState.OPEN, CLOSED_MS + 1)


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


def test_minutes_not_listed_by_the_market_list_alone_are_due_once_listed():
    unlisted = fold(EMPTY, replace(look(not_listed=[(0, 1440)], asked_ms=DAY), by_list=True), BUSY)
    assert (counts(unlisted), unlisted.due_ms(RULE)) == ({"not_listed": 1440}, None)
    noon_ms, later_ms = DAY + 720 * MINUTE_MS, DAY + 900 * MINUTE_MS
    again = reset_not_listed(unlisted, noon_ms, later_ms + 1)
    assert (counts(again), again.due_ms(RULE)) == ({"not_listed": 720, "failed": 180, "not_asked": 540}, later_ms)
    assert reset_not_listed(again, DAY, later_ms) == again
    whole = reset_not_listed(unlisted, DAY - DAY_MS, CLOSED_MS)
    assert counts(fold(whole, closing(traded=range(1440)), BUSY)) == {"present": 1440}


def test_minutes_that_candles_prove_not_listed_stay_not_listed():
    record = fold(EMPTY, closing(traded=range(720, 1440), not_listed=[(0, 720)]), BUSY)
    assert reset_not_listed(record, DAY, CLOSED_MS) == record
