from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from candle_ingest.candles.window import DAY_MS, MINUTE_MS
from candle_ingest.ledger.day_record import RecordState
from candle_ingest.ledger.fold import fold, prove
from candle_ingest.ledger.minute_state import MinuteState
from tests.candle_ingest.day import DAY, minutes
from tests.candle_ingest.ledger.looks import BUSY, CLOSED_MS, EMPTY, HOUR, RULE, THIN, closing, counts, look, looks

THIN_DAY = range(0, 1440, 61)
ALL_BUT_TEN = [m for m in range(1440) if not 700 <= m < 710]


def test_a_silence_of_an_hour_in_a_busy_market_is_not_believed():
    record = fold(EMPTY, closing(traded=[*range(600), *range(660, 1440)]), BUSY)
    assert counts(record) == {"present": 1380, "silent": 60}
    assert (record.state, record.due_ms(RULE)) == (RecordState.OPEN, CLOSED_MS + HOUR)


def test_a_silence_of_an_hour_in_a_thin_market_is_quiet_and_final():
    record = fold(EMPTY, closing(traded=range(0, 1440, 61)), THIN)
    assert counts(record) == {"present": 24, "quiet": 1416}
    proved = prove(record, DAY + DAY_MS + 10 * MINUTE_MS)
    assert (record.state, proved.state) == (RecordState.OPEN, RecordState.FINAL)


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


def test_a_day_that_lacks_every_other_row_stays_open():
    lacking = {"traded": range(0, 1440, 2), "missing": [(minute, minute + 1) for minute in range(1, 1440, 2)]}
    record = fold(fold(EMPTY, closing(**lacking), BUSY), closing(**lacking, asked_ms=CLOSED_MS + HOUR), BUSY)
    assert counts(record) == {"present": 720, "silent": 720}


def test_a_missing_row_is_open_once_an_earlier_candle_shows_the_market_was_listed():
    record = fold(EMPTY, look(0, 2, not_listed=[(0, 2)]), THIN)
    record = fold(record, replace(look(0, 2), missing=(minutes(0, 2),)), THIN)
    assert counts(record) == {"not_listed": 2, "not_asked": 1438}
    record = fold(record, look(0, 1, traded=[0]), THIN)
    assert counts(record) == {"present": 1, "silent": 1, "not_asked": 1438}


def open_times(of):
    return {time_ms for window in of for time_ms in range(window.start_ms, window.end_ms, MINUTE_MS)}


@given(st.lists(looks(), max_size=4), st.sampled_from([BUSY, THIN]))
def test_a_minute_whose_last_answer_lacked_its_row_is_never_quiet(given_looks, known):
    record, lacking = EMPTY, set()
    for one in given_looks:
        record = fold(record, one, known)
        answered = open_times(one.answered_windows())
        listed = lacking - open_times(found.window for found in one.not_listed)
        lacking = (listed - answered) | (answered & open_times(one.missing))
        assert all(record.state_at(time_ms) != MinuteState.QUIET for time_ms in lacking)
