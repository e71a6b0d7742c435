from dataclasses import replace

import pytest

from candle_ingest.candles.window import DAY_MS
from candle_ingest.ledger.fold import fold
from candle_ingest.merging.rate_work import _touched_days
from tests.candle_ingest.day import DAY
from tests.candle_ingest.ledger.looks import BUSY, EMPTY, closing, closing_given_up, look

MERGED = replace(fold(EMPTY, closing(traded=range(1440)), BUSY), merged_version=1)


@pytest.mark.parametrize(("minute", "reaches"), [(1435, False), (1436, True), (1437, True), (1439, True)])
def test_a_change_in_the_last_four_minutes_reaches_the_next_day(minute, reaches):
    new = fold(EMPTY, look(minute, minute + 1, traded=[minute], version=2), BUSY)
    assert _touched_days(DAY, [MERGED, new]) == ({DAY, DAY + DAY_MS} if reaches else {DAY})


def test_a_closing_look_that_is_given_up_reaches_the_next_day():
    assert _touched_days(DAY, [replace(closing_given_up(), merged_version=1)]) == {DAY, DAY + DAY_MS}
