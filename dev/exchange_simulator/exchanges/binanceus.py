"""Binance.US (its API docs: Exchange information, Kline/Candlestick data, IP limits).

The API of binance as it was: the same paths, rows, ends and errors with a smaller limit and no futures.
"""

from typing import ClassVar

from dev.exchange_simulator.exchanges.base import Route
from dev.exchange_simulator.exchanges.binance import Binance


class BinanceUs(Binance):
    """Ascending, both ends inclusive, 500 rows by default, 1000 at most, quiet flat, outages missing."""

    name: ClassVar[str] = "binanceus"
    minute_weight: ClassVar[int] = 1200
    klines_weight: ClassVar[int] = 1
    exchange_info_weight: ClassVar[int] = 10

    def build_routes(self) -> tuple[Route, ...]:
        """Return the spot paths; there are no others."""
        return self.spot_routes()
