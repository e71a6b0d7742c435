import pytest

from candle_ingest.candles.timeframe import Timeframe
from candle_ingest.candles.window import Window
from candle_ingest.exchanges.answer_policies import is_shifted

BAR = 60_000
WINDOW = Window(1000 * BAR, 1060 * BAR)


def times(first, last):
    return [minute * BAR for minute in range(first, last)]


@pytest.mark.parametrize(
    ("found", "shifted"),
    [
        (times(1000, 1060), False),
        ([], False),
        (times(900, 960), True),
        (times(980, 1040), True),
        (times(1020, 1080), True),
        # Rows before the window, and the window itself.
        (times(800, 1060), False),
        # The last minutes were quiet.
        (times(800, 1050), False),
        (times(995, 1055), False),
    ],
)
def test_a_page_is_shifted_if_it_lacks_on_one_side_what_it_exceeds_on_the_other(found, shifted):
    assert is_shifted(found, WINDOW, Timeframe(1)) is shifted
