"""The hours of the day that the faults are tried on."""

from candle_ingest.candles.window import HOUR_MS, Window
from tests.faults.conftest import NOW_MS

DAY_START_MS = NOW_MS - 60_000 - 24 * HOUR_MS


def hours(first: int, last: int) -> Window:
    """Return the window of hours [first, last) of that day."""
    return Window(DAY_START_MS + first * HOUR_MS, DAY_START_MS + last * HOUR_MS)
