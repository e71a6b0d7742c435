"""How long requests to an exchange take within its limits."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class CallPace:
    """The least time in seconds between two requests for candles, and between two for the same market.

    `slowdown` is the factor on both that refusals have taught (`learnt_pace.py`).
    """

    call_seconds: float
    market_seconds: float = 0.0
    slowdown: float = 1.0

    @property
    def sequential_seconds(self) -> float:
        """Return the time between two requests for one market if nothing else is requested."""
        return max(self.call_seconds, self.market_seconds) * self.slowdown

    def seconds(self, calls_by_market: Iterable[int]) -> float:
        """Return how long these requests take, at least, when those for different markets are made side by side."""
        calls = list(calls_by_market)
        return max(sum(calls) * self.call_seconds, max(calls, default=0) * self.market_seconds) * self.slowdown
