"""Find the timeframe that an exchange is asked for, where it does not serve that of the pipeline."""

from collections.abc import Iterable
from functools import cache

from candle_ingest.candles.timeframe import Timeframe
from candle_ingest.errors.settings import TimeframeUnavailableError
from candle_ingest.exchanges.profiles import exchange_profile


@cache
def source_timeframe(exchange: str, timeframe: Timeframe) -> Timeframe:
    """Return the timeframe to request from an exchange, as `choose_source` does, of those that ccxt knows of it."""
    # Only now: importing it takes two seconds, and a command may need no timeframe.
    import ccxt

    return choose_source(exchange, getattr(ccxt, exchange)().timeframes or (), timeframe)


def choose_source(exchange: str, names: Iterable[str], timeframe: Timeframe) -> Timeframe:
    """Return the timeframe to request, of those with these `names` in ccxt: itself, or the longest that divides it.

    Raises TimeframeUnavailableError if there is none.
    """
    offered = set(names) - exchange_profile(exchange).misaligned_timeframes
    source = timeframe.source(offered)
    if source is None:
        raise TimeframeUnavailableError(
            f"{exchange} has no candles that make up {timeframe} "
            f"(candle_granularity_minutes is {timeframe.minutes}); it has {', '.join(sorted(offered))}"
        )
    return source
