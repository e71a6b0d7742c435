import math

import pytest

from candle_ingest.candles.candles import Candles
from candle_ingest.candles.window import MINUTE_MS, Window
from candle_ingest.fetching.answer_writer import changed_windows

ROW = (0, 1.0, 1.0, 1.0, 1.0, 1.0, 2.0, 7.0, math.nan)


def candles(**changes):
    row = [changes.get(f"field{place}", value) for place, value in enumerate(ROW)]
    return Candles.from_rows([row, (MINUTE_MS, *ROW[1:])])


@pytest.mark.parametrize("changes", [{"field4": 1.1}, {"field7": 8.0}, {"field7": math.nan}, {"field8": 1.0}])
def test_a_candle_that_differs_in_any_column_counts_as_corrected(changes):
    assert changed_windows(candles(), candles(**changes), MINUTE_MS) == [Window(0, MINUTE_MS)]


def test_candles_that_lack_the_same_columns_are_the_same():
    assert changed_windows(candles(), candles(), MINUTE_MS) == []
