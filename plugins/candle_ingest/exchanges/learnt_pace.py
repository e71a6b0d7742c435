"""How all tasks slow down after a refusal by an exchange, and gradually recover."""

from dataclasses import dataclass

from candle_ingest.candles.window import HOUR_MS

# A refusal increases the time between two requests by half, up to twenty times the usual one.
STEP = 1.5
MAX_SLOWDOWN = 20.0
# Half of the increase is gone after an hour without a refusal.
HALF_LIFE_MS = HOUR_MS
# Refusals of requests already on their way when the first was refused do not count.
SAME_REFUSAL_MS = 3_000
NEGLIGIBLE = 0.01
# By then even the largest slowdown is negligible.
FORGOTTEN_AFTER_MS = 12 * HALF_LIFE_MS


@dataclass(frozen=True, slots=True)
class LearntPace:
    """How many times the usual time between two requests an exchange needed (`slowdown`) at its last refusal.

    `refused_ms` is when that was, in ms since 1970; 0 for never.
    """

    slowdown: float = 1.0
    refused_ms: int = 0

    def slowdown_at(self, now_ms: int) -> float:
        """Return the factor at a later time: from 1 to MAX_SLOWDOWN, never growing by itself."""
        age_ms = max(0, now_ms - self.refused_ms)
        added = (min(max(self.slowdown, 1.0), MAX_SLOWDOWN) - 1) * 0.5 ** (age_ms / HALF_LIFE_MS)
        return 1 + added if added > NEGLIGIBLE else 1.0

    def after_refusal(self, now_ms: int) -> "LearntPace":
        """Return the pace after one more refusal."""
        if self.refused_ms and 0 <= now_ms - self.refused_ms < SAME_REFUSAL_MS:
            return self
        return LearntPace(min(self.slowdown_at(now_ms) * STEP, MAX_SLOWDOWN), now_ms)
