import numpy as np
import pytest

from candle_ingest.candles.window import MINUTE_MS
from candle_ingest.ledger.day_record import RecordState, new_day_record
from candle_ingest.ledger.fold import fold
from candle_ingest.ledger.lost_candles import find_lost, reset_lost
from candle_ingest.ledger.record_fields import record_from_text, record_text
from tests.candle_ingest.day import DAY, minutes
from tests.candle_ingest.ledger.looks import BUSY, CLOSED_MS, EMPTY, RULE, closing, counts, look

NOW_MS = CLOSED_MS + 600 * MINUTE_MS
WHOLE = fold(EMPTY, closing(traded=range(1440), version=5), BUSY)


def stored(*gone):
    """Return the open times of all minutes but those of the windows `gone`."""
    missing = {m for first, last in gone for m in range(first, last)}
    return np.array([DAY + m * MINUTE_MS for m in range(1440) if m not in missing], np.int64)


def test_a_candle_is_lost_only_if_the_record_has_it_and_it_was_looked_for():
    assert find_lost(WHOLE, [minutes(0, 1440)], stored()) == []
    assert find_lost(WHOLE, [minutes(0, 100)], stored((50, 200))) == [minutes(50, 100)]
    assert find_lost(fold(EMPTY, look(0, 60, traded=range(60)), BUSY), [minutes(0, 1440)], stored((50, 200))) == [
        minutes(50, 60)
    ]


@pytest.mark.parametrize("time_ms", [DAY - MINUTE_MS, DAY + 50 * MINUTE_MS + 1, DAY + 1440 * MINUTE_MS])
def test_a_point_off_the_grid_or_outside_the_day_is_no_candle(time_ms):
    assert find_lost(WHOLE, [minutes(50, 51)], np.array([time_ms])) == [minutes(50, 51)]


def test_lost_candles_are_due_at_once_and_do_not_count_as_changed():
    record = reset_lost(WHOLE, stored((50, 60)), NOW_MS)
    assert (counts(record), record.state) == ({"present": 1430, "failed": 10}, RecordState.OPEN)
    assert (record.due_ms(RULE), record.lost, record.changes) == (NOW_MS, [minutes(50, 60)], WHOLE.changes)
    assert reset_lost(record, stored((50, 60)), NOW_MS + 1) == record


def test_an_answer_restores_lost_candles_and_has_them_merged_again():
    record = reset_lost(WHOLE, stored((50, 60)), NOW_MS)
    again = fold(record, look(50, 60, traded=range(50, 60), asked_ms=NOW_MS, version=6), BUSY)
    assert (counts(again), again.state, again.lost) == ({"present": 1440}, RecordState.FINAL, [])
    assert (again.answered_version, minutes(50, 60) in [change.window for change in again.changes]) == (6, True)


def test_lost_candles_stay_lost_while_requests_for_them_fail():
    record = reset_lost(WHOLE, stored((50, 60)), NOW_MS)
    while record.stretches[0].due_ms:
        record = fold(record, look(50, 60, failed=[(50, 60)], asked_ms=record.stretches[0].due_ms), BUSY)
    assert (counts(record), record.lost) == ({"present": 1430, "unobtainable": 10}, [minutes(50, 60)])


def test_a_record_in_the_bucket_remembers_which_candles_are_lost():
    record = reset_lost(WHOLE, stored((50, 60)), NOW_MS)
    assert record_from_text("BTC/USD", "kraken", DAY, record_text(record), 0) == record


def test_lost_candles_of_an_hour_are_found_by_the_hour():
    hourly = new_day_record("BTC/USD", "kraken", DAY, 60 * MINUTE_MS)
    whole = fold(hourly, closing(traded=range(0, 1440, 60)), BUSY)
    assert find_lost(whole, [whole.window], stored((60, 61))) == [minutes(60, 120)]
