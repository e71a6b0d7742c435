from dataclasses import replace

from candle_ingest.candles.merge import Conversion
from candle_ingest.candles.window import DAY_MS, Window
from candle_ingest.ledger.day_record import RecordState
from candle_ingest.ledger.fold import fold
from candle_ingest.ledger.merged_day import worst_state
from candle_ingest.merging.day_rates import PairRates
from tests.candle_ingest.day import DAY, minutes
from tests.candle_ingest.ledger.looks import BUSY, EMPTY, closing, failing, look

FINAL_DAY = fold(EMPTY, closing(traded=range(1440)), BUSY)
NEXT_DAY = replace(FINAL_DAY, day_ms=DAY + DAY_MS, closed=(Window(DAY + DAY_MS, DAY + 2 * DAY_MS),))


def state(*before):
    """Return the worst state of the rates of the next day, with these records of the day before."""
    rates = PairRates(NEXT_DAY.window, Conversion("USD", {}, {}), (*before, NEXT_DAY), expected=1)
    return worst_state(rates.states)


def with_failure(first, last):
    rest = [minute for minute in range(1440) if not first <= minute < last]
    return fold(EMPTY, closing(traded=rest, failed=[(first, last)]), BUSY)


def test_rates_are_final_only_with_the_last_minutes_of_the_day_before():
    assert state(FINAL_DAY) == RecordState.FINAL
    assert state(with_failure(1437, 1438)) == RecordState.OPEN
    assert state(with_failure(600, 1436)) == RecordState.FINAL, "these minutes determine no rate of the next day"


def test_rates_wait_for_the_closing_look_at_the_day_before():
    caught_up = fold(EMPTY, look(traded=range(1440), asked_ms=DAY + DAY_MS), BUSY)
    assert state(caught_up) == RecordState.PROVISIONAL
    part = fold(caught_up, replace(closing(traded=range(1440)), closing=minutes(0, 1200)), BUSY)
    assert state(part) == RecordState.PROVISIONAL


def test_rates_of_the_first_day_of_the_history_are_final():
    assert state() == RecordState.FINAL


def test_rates_are_final_once_the_day_before_is_given_up():
    given_up = failing(with_failure(1437, 1438), DAY + 2 * DAY_MS)
    assert given_up.state == RecordState.UNOBTAINABLE
    assert state(given_up) == RecordState.FINAL
