from dataclasses import replace

from candle_ingest.candles.window import DAY_MS, MINUTE_MS
from candle_ingest.ledger.day_record import RecordState
from candle_ingest.ledger.fold import fold
from tests.candle_ingest.day import DAY, minutes
from tests.candle_ingest.ledger.looks import (
    BUSY,
    CLOSED_MS,
    EMPTY,
    HOUR,
    RULE,
    closing,
    closing_given_up,
    counts,
    failing,
    look,
)


def test_a_closing_look_with_a_candle_in_each_minute_is_final():
    record = fold(EMPTY, closing(traded=range(1440)), BUSY)
    assert (counts(record), record.state, record.due_ms(RULE)) == ({"present": 1440}, RecordState.FINAL, None)


def test_a_failed_closing_look_is_due_again_after_a_quarter_of_an_hour():
    record = fold(EMPTY, look(0, 1440, traded=range(1440), asked_ms=DAY + DAY_MS), BUSY)
    record = fold(record, closing(failed=[(0, 1440)]), BUSY)
    assert (record.state, record.due_ms(RULE)) == (RecordState.PROVISIONAL, CLOSED_MS + 15 * MINUTE_MS)


def test_a_closing_look_makes_the_whole_day_due_for_a_merge():
    merged = replace(fold(EMPTY, look(traded=range(1440), version=5), BUSY), merged_version=5)
    closed = fold(merged, closing(traded=range(1440), version=6), BUSY)
    assert (merged.unmerged(), closed.unmerged(), closed.answered_version) == ([], [minutes(0, 1440)], 6)


def test_a_day_whose_closing_look_failed_for_two_weeks_is_unobtainable_not_final():
    record = closing_given_up()
    assert (counts(record), record.state) == ({"present": 1440}, RecordState.UNOBTAINABLE)
    assert (record.unconfirmed_slots, record.unconfirmed_reason) == (1440, "given up after 14 days: failed")
    assert 14 * DAY_MS <= record.last_look_ms - CLOSED_MS < 16 * DAY_MS
    whole = closing(traded=range(1440), asked_ms=CLOSED_MS + 20 * DAY_MS)
    assert fold(record, whole, BUSY).state == RecordState.FINAL


def test_an_old_day_with_a_page_that_failed_once_becomes_final():
    years_later = CLOSED_MS + 1000 * DAY_MS
    known = replace(BUSY, alive_ms=years_later - 1)
    record = fold(EMPTY, closing(traded=range(720), failed=[(720, 1440)], asked_ms=years_later), known)
    rest = closing(first=720, traded=range(720, 1440), asked_ms=years_later + HOUR)
    record = fold(record, rest, known)
    assert (counts(record), record.state) == ({"present": 1440}, RecordState.FINAL)


def test_a_failed_refetch_does_not_undo_a_closing_look():
    record = fold(EMPTY, closing(traded=range(1440)), BUSY)
    assert failing(record, CLOSED_MS + 20 * DAY_MS).state == RecordState.FINAL
    again = fold(record, closing(failed=[(0, 1440)], asked_ms=CLOSED_MS + 90 * DAY_MS), BUSY)
    assert (again.state, again.unconfirmed) == (RecordState.FINAL, ())


def test_given_up_minutes_need_no_closing_look():
    record = failing(fold(EMPTY, look(0, 720, traded=range(720), asked_ms=DAY + DAY_MS // 2), BUSY), CLOSED_MS)
    record = failing(record, CLOSED_MS)
    assert counts(record) == {"present": 720, "unobtainable": 720}
    assert (record.state, record.unconfirmed) == (RecordState.UNOBTAINABLE, (minutes(0, 720),))
