"""Candle granularities and their names."""

from collections.abc import Collection

from candle_ingest.candles.window import MINUTE_MS
from candle_ingest.errors import ConfigurationError

# ccxt's names. Longer ones (weeks, months) have no fixed start that all exchanges share.
TIMEFRAMES = {
    1: "1m", 3: "3m", 5: "5m", 15: "15m", 30: "30m", 60: "1h", 120: "2h", 240: "4h", 360: "6h",
    480: "8h", 720: "12h", 1440: "1d",
}  # fmt: skip


def timeframe_name(granularity_minutes: int) -> str:
    """ccxt's name of a granularity: 60 gives `1h`. Raises ConfigurationError for one without a name."""
    if granularity_minutes not in TIMEFRAMES:
        allowed = ", ".join(map(str, TIMEFRAMES))
        raise ConfigurationError(f"candle_granularity_minutes is {granularity_minutes}; possible are {allowed}")
    return TIMEFRAMES[granularity_minutes]


def bar_ms(granularity_minutes: int) -> int:
    """The length of one candle in milliseconds."""
    return granularity_minutes * MINUTE_MS


def source_minutes(granularity_minutes: int, offered: Collection[str]) -> int | None:
    """The largest of the timeframes `offered` (`1m`, `1h`) of which whole candles make one; None without any."""
    usable = [minutes for minutes, name in TIMEFRAMES.items() if name in offered and granularity_minutes % minutes == 0]
    return max(usable, default=None)
