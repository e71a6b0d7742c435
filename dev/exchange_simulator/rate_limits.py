"""Count requests against a published limit."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Verdict:
    """The outcome of a request: whether it is allowed, if not how long to wait, and the weight used in this window."""

    allowed: bool
    wait_seconds: float = 0.0
    used: int = 0
    resets_in_seconds: float = 0.0
    banned_until: float | None = None
    by_pair: bool = False


class Limiter(Protocol):
    """One limit of one exchange, for all clients together: they share one address."""

    def spend(self, weight: int) -> Verdict:
        """Count a request of this weight, and return whether it may pass."""


class FixedWindow:
    """A weight for each window of the clock (binance, kucoin, okx); clients that continue after refusals are banned.

    A ban comes after `ban_after` refusals (None: never) and lasts `ban_seconds`, by default two windows.
    """

    def __init__(
        self,
        weight: int,
        window_seconds: int,
        clock: Callable[[], float],
        ban_after: int | None = None,
        ban_seconds: int | None = None,
    ) -> None:
        self.weight = weight
        self.window_seconds = window_seconds
        self._clock = clock
        self._ban_after = ban_after
        self._ban_seconds = 2 * window_seconds if ban_seconds is None else ban_seconds
        self._window = -1
        self._used = 0
        self._refused = 0
        self._banned_until = 0.0

    def spend(self, weight: int) -> Verdict:
        """Count the weight in the current window; refused requests count as well."""
        now = self._clock()
        if now < self._banned_until:
            left = self._banned_until - now
            return Verdict(False, left, self._used, left, self._banned_until)
        window = int(now // self.window_seconds)
        if window != self._window:
            self._window, self._used, self._refused = window, 0, 0
        self._used += weight
        left = (window + 1) * self.window_seconds - now
        if self._used <= self.weight:
            return Verdict(True, 0.0, self._used, left)
        return self._refuse(now, left)

    def _refuse(self, now: float, left: float) -> Verdict:
        self._refused += 1
        if self._ban_after is not None and self._refused > self._ban_after:
            self._banned_until = now + self._ban_seconds
            return Verdict(False, self._ban_seconds, self._used, left, self._banned_until)
        return Verdict(False, left, self._used, left)


class TokenBucket:
    """A rate per second, with a small burst (coinbaseexchange, coinbase, kraken, htx)."""

    def __init__(self, per_second: float, burst: float, clock: Callable[[], float]) -> None:
        self._per_second = per_second
        self._burst = burst
        self._clock = clock
        self._tokens = float(burst)
        self._at = clock()

    def spend(self, weight: int) -> Verdict:
        """Take tokens if there are enough; a refused request takes none."""
        now = self._clock()
        self._tokens = min(self._burst, self._tokens + (now - self._at) * self._per_second)
        self._at = now
        if self._tokens >= weight:
            self._tokens -= weight
            return Verdict(True)
        return Verdict(False, (weight - self._tokens) / self._per_second)


class CooldownLimit:
    """A limit that keeps refusing for some seconds; each request in that time extends it (kraken)."""

    def __init__(self, limit: Limiter, seconds: float, clock: Callable[[], float]) -> None:
        self._limit = limit
        self._seconds = seconds
        self._clock = clock
        self._until = 0.0

    def spend(self, weight: int) -> Verdict:
        """Refuse while restricted, which restarts the restriction; otherwise apply the limit."""
        now = self._clock()
        verdict = Verdict(False, self._seconds) if now < self._until else self._limit.spend(weight)
        if not verdict.allowed:
            self._until = now + self._seconds
        return verdict


class AllLimits:
    """Several limits at once: each counts every request, and the first that refuses decides (bitstamp)."""

    def __init__(self, *limits: Limiter) -> None:
        self._limits = limits

    def spend(self, weight: int) -> Verdict:
        """Count the request against every limit, and return the first refusal if there is one."""
        verdicts = [limit.spend(weight) for limit in self._limits]
        return next((verdict for verdict in verdicts if not verdict.allowed), verdicts[0])
