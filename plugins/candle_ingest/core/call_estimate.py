"""How many calls a window takes, and how long they take within an exchange's limit."""

from candle_ingest.core.exchange_facts import ExchangeFacts
from candle_ingest.core.window import Window


def candle_calls(facts: ExchangeFacts, window: Window, bar_ms: int) -> int:
    """The fewest calls for the candles of a window: candles by rows per request, rounded up."""
    return -(-window.slots(bar_ms) // facts.rows_per_request)
