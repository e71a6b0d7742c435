"""The time on the exchanges: the real time, or a fixed moment."""

import time


class Clock:
    """Milliseconds since 1970; frozen while a moment is set. Rate limits follow the real time."""

    def __init__(self) -> None:
        self.frozen_ms: int | None = None

    def now_ms(self) -> int:
        """Return the time that decides which candle is in progress, and which are the last 720."""
        return int(time.time() * 1000) if self.frozen_ms is None else self.frozen_ms
