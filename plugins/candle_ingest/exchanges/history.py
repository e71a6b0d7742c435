"""How far back an exchange serves candles."""

from candle_ingest.candles.window import Window, floor_ms
from candle_ingest.exchanges.profiles import ExchangeProfile


def split_by_age(
    profile: ExchangeProfile, window: Window, bar_ms: int, source_bar_ms: int, now_ms: int
) -> tuple[Window, Window]:
    """Return the part that is older than the candles that are served, and the part that is not; either may be empty.

    Candles of `bar_ms` are built from those of `source_bar_ms`. The border lies on the grid of `bar_ms`.
    """
    if profile.history_rows is None:
        return Window(window.start_ms, window.start_ms), window
    # One bar of margin: the clock moves on while requests are made.
    oldest_ms = floor_ms(now_ms, source_bar_ms) - (profile.history_rows - 1) * source_bar_ms
    whole_from_ms = floor_ms(oldest_ms + bar_ms - 1, bar_ms)
    border_ms = min(max(whole_from_ms, window.start_ms), window.end_ms)
    return Window(window.start_ms, border_ms), Window(border_ms, window.end_ms)
