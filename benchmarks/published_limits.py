"""The least time that a fetch takes under the exchanges' published limits."""

from collections.abc import Sequence

from candle_ingest.candles.window import MINUTE_MS, Window

# By exchange: the rows of a page, and the seconds per request at the published limit. binance: weight 2 of 6000 a
# minute; coinbaseexchange: 10 requests a second; kucoin: weight 3 of 2000 in 30 seconds.
LIMITS = {"binance": (1000, 60 * 2 / 6000), "coinbaseexchange": (300, 1 / 10), "kucoin": (1500, 30 * 3 / 2000)}


def limit_seconds(exchanges: Sequence[str], symbols: int, intervals: Sequence[Window]) -> float:
    """Return the seconds of the slowest exchange, with full pages requested at the pace of its limit."""
    limits = [LIMITS[exchange] for exchange in exchanges]
    return max(_pages(intervals, rows) * symbols * seconds for rows, seconds in limits)


def _pages(intervals: Sequence[Window], rows: int) -> int:
    return sum(-(-interval.slots(MINUTE_MS) // rows) for interval in intervals)
