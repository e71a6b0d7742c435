"""How far back an exchange serves candles."""

from candle_ingest.candles.timeframe import Timeframe
from candle_ingest.candles.window import Window
from candle_ingest.exchanges.profiles import ExchangeProfile


def split_by_age(
    profile: ExchangeProfile, window: Window, timeframe: Timeframe, source: Timeframe, now_ms: int
) -> tuple[Window, Window]:
    """Return the part of the window that is no longer served as candles, and the part that is; either may be empty.

    Candles of `timeframe` are built from those of `source`. The boundary is on the grid of `timeframe`.
    """
    if profile.history_rows is None:
        return Window(window.start_ms, window.start_ms), window
    # One candle of margin: the clock moves on while requests are made.
    oldest_ms = source.floor_ms(now_ms) - (profile.history_rows - 1) * source.ms
    whole_from_ms = timeframe.floor_ms(oldest_ms + timeframe.ms - 1)
    border_ms = min(max(whole_from_ms, window.start_ms), window.end_ms)
    return Window(window.start_ms, border_ms), Window(border_ms, window.end_ms)
