from dataclasses import replace

import pytest

from candle_ingest.candles.window import DAY_MS, MINUTE_MS
from candle_ingest.ledger.day_record import ClosingRule, RecordState, new_day_record
from candle_ingest.ledger.fold import fold, prove
from candle_ingest.ledger.look import Surroundings
from tests.candle_ingest.day import DAY, minutes
from tests.candle_ingest.ledger.looks import BUSY, CLOSED_MS, EMPTY, HOUR, RULE, THIN, closing, counts, look


def test_a_day_that_was_never_requested_is_not_asked():
    assert counts(EMPTY) == {"not_asked": 1440}
    assert EMPTY.state == RecordState.PROVISIONAL


@pytest.mark.parametrize("slots", [1, 24, 1440])
def test_a_day_of_any_candle_length_adds_up(slots):
    record = new_day_record("BTC/USD", "kraken", DAY, DAY_MS // slots)
    assert record.counts().expected == slots


def test_a_look_during_the_day_is_provisional_and_due_after_it():
    record = fold(EMPTY, look(0, 600, traded=range(600), asked_ms=DAY + 600 * MINUTE_MS), BUSY)
    assert counts(record) == {"present": 600, "not_asked": 840}
    assert (record.state, record.due_ms(RULE)) == (RecordState.PROVISIONAL, CLOSED_MS)


def test_an_exchange_with_a_short_history_is_due_for_each_part():
    record = fold(EMPTY, look(0, 700, traded=range(700)), BUSY)
    assert record.due_ms(ClosingRule(HOUR, 600 * MINUTE_MS)) == DAY + 660 * MINUTE_MS
    record = fold(record, replace(look(0, 600, traded=range(600)), closing=minutes(0, 600)), BUSY)
    assert record.due_ms(ClosingRule(HOUR, 600 * MINUTE_MS)) == DAY + 1260 * MINUTE_MS


def test_an_exchange_that_does_not_list_the_pair_is_final_without_a_look():
    record = fold(EMPTY, look(not_listed=[(0, 1440)], asked_ms=DAY), BUSY)
    assert (record.state, record.due_ms(RULE)) == (RecordState.FINAL, None)


def test_a_proof_younger_than_the_answer_proves_nothing():
    record = fold(EMPTY, closing(traded=range(0, 1440, 61)), THIN)
    assert prove(record, CLOSED_MS + 1).state == RecordState.OPEN


def test_a_quiet_end_that_later_candles_cannot_prove_is_asked_for_once_more():
    record = fold(EMPTY, closing(traded=range(1439)), Surroundings(history=BUSY.history, alive_ms=CLOSED_MS + 1))
    assert (record.state, record.proof_window(CLOSED_MS + HOUR)) == (RecordState.OPEN, None)
    assert record.proof_window(CLOSED_MS + 2 * HOUR) == minutes(1439, 1440)
    again = closing(first=1439, asked_ms=CLOSED_MS + 2 * HOUR)
    proved = fold(record, again, Surroundings(history=BUSY.history, alive_ms=CLOSED_MS + HOUR))
    assert (proved.state, proved.proof_window(CLOSED_MS + 9 * HOUR)) == (RecordState.FINAL, None)
