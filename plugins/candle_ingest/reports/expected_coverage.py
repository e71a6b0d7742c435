"""Which candles should be there by now: from which exchanges, and up to what time."""

from dataclasses import dataclass
from typing import Self

from candle_ingest.candles.timeframe import Timeframe
from candle_ingest.candles.window import DAY_MS, Window, floor_ms
from candle_ingest.reports.freshness import max_lag_ms
from candle_ingest.settings import PipelineSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectedCoverage:
    """Which slots count: those of `exchanges` that close by `until_ms`.

    `until_ms` is earlier than now by the lag that catch-up may have. Later slots are neither expected nor open,
    although the record of the running day has them as not asked.
    """

    exchanges: tuple[str, ...]
    timeframe: Timeframe
    until_ms: int

    @classmethod
    def of(cls, settings: PipelineSettings, now_ms: int) -> Self:
        """Return what the pipeline should have by now."""
        until_ms = settings.timeframe.floor_ms(now_ms - max_lag_ms(settings, now_ms))
        return cls(exchanges=settings.exchange_ids, timeframe=settings.timeframe, until_ms=until_ms)

    @property
    def running_day(self) -> Window:
        """Return the UTC day that contains `until_ms`."""
        start_ms = floor_ms(self.until_ms, DAY_MS)
        return Window(start_ms, start_ms + DAY_MS)

    def slots_by_now(self, window: Window) -> int:
        """Return how many slots of `window` each exchange should have."""
        return self.timeframe.slots(window.intersection(Window(0, max(0, self.until_ms))))

    def slots_to_come(self, day_ms: int) -> int:
        """Return how many slots of the day that begins at `day_ms` are not expected yet."""
        day = Window(day_ms, day_ms + DAY_MS)
        return self.timeframe.slots(day) - self.slots_by_now(day)
