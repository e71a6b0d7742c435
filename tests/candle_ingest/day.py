"""A UTC day for tests of its record."""

from candle_ingest.candles.window import DAY_MS, MINUTE_MS, Window

DAY = 20_000 * DAY_MS


def minutes(first: int, last: int) -> Window:
    """Return the minutes of the day with first ≤ number < last."""
    return Window(DAY + first * MINUTE_MS, DAY + last * MINUTE_MS)
