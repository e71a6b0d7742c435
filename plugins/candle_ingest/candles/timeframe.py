"""The length of a candle."""

from collections.abc import Collection
from dataclasses import dataclass

from candle_ingest.candles.window import MINUTE_MS, Window, floor_ms
from candle_ingest.errors.settings import SettingError

# ccxt's names. Longer ones (weeks, months) have no fixed start that all exchanges share.
CCXT_NAMES = {
    1: "1m", 3: "3m", 5: "5m", 15: "15m", 30: "30m", 60: "1h", 120: "2h", 240: "4h", 360: "6h",
    480: "8h", 720: "12h", 1440: "1d",
}  # fmt: skip


@dataclass(frozen=True, slots=True, order=True)
class Timeframe:
    """The length of a candle: one that divides a day and has a name in ccxt.

    As every timeframe divides the day, midnight UTC is on the grid of each. Raises SettingError for any other number of
    minutes.
    """

    minutes: int

    def __post_init__(self) -> None:
        if self.minutes not in CCXT_NAMES:
            allowed = ", ".join(map(str, CCXT_NAMES))
            raise SettingError(f"candle_granularity_minutes is {self.minutes}; allowed are {allowed}")

    def __str__(self) -> str:
        return self.ccxt_name

    @property
    def ms(self) -> int:
        """Return the length in milliseconds."""
        return self.minutes * MINUTE_MS

    @property
    def ccxt_name(self) -> str:
        """Return the name in ccxt: `1h` for 60 minutes."""
        return CCXT_NAMES[self.minutes]

    def slots(self, window: Window) -> int:
        """Return how many whole candles fit into the window."""
        return window.slots(self.ms)

    def floor_ms(self, time_ms: int) -> int:
        """Return the open time in ms of the candle that contains `time_ms`."""
        return floor_ms(time_ms, self.ms)

    def candle_at(self, time_ms: int) -> Window:
        """Return the window of the candle that contains `time_ms`."""
        start_ms = self.floor_ms(time_ms)
        return Window(start_ms, start_ms + self.ms)

    def source(self, offered: Collection[str]) -> "Timeframe | None":
        """Return the longest of the `offered` timeframes (names in ccxt) whose whole candles add up to this one.

        None if no offered timeframe divides it.
        """
        usable = [minutes for minutes, name in CCXT_NAMES.items() if name in offered and self.minutes % minutes == 0]
        return Timeframe(max(usable)) if usable else None
