"""A look: what an exchange answered, once, for a part of a day."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from candle_ingest.candles.pace import Pace
from candle_ingest.candles.window import Window, subtract
from candle_ingest.ledger.task_instance_ref import TaskInstanceRef


@dataclass(frozen=True, slots=True)
class Found:
    """A window with anything but a plain answer, and the reason."""

    window: Window
    reason: str


def _no_times() -> NDArray[np.int64]:
    return np.empty(0, dtype=np.int64)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Look:
    """What one exchange answered for `window`, which lies in one UTC day.

    `open_times_ms` are those of the sound candles, `traded_ms` of those with volume. `changed` holds windows of
    candles that were stored with other values before. Any other part of `window` that is not `rejected`, `failed`,
    `unobtainable` or `not_listed` was answered without a candle; `missing` is the part of it for which the exchange
    would have sent a row even without trades. With `by_list` nothing was requested: the exchange's list of markets
    lacks the market. `closing` is the part that counts as a closing look, None for none.
    `version` is taken after the candles were written.
    """

    window: Window
    asked_at_ms: int
    version: int = 0
    market: str = ""
    open_times_ms: NDArray[np.int64] = field(default_factory=_no_times)
    traded_ms: NDArray[np.int64] = field(default_factory=_no_times)
    changed: tuple[Window, ...] = ()
    rejected: tuple[Found, ...] = ()
    failed: tuple[Found, ...] = ()
    unobtainable: tuple[Found, ...] = ()
    not_listed: tuple[Found, ...] = ()
    missing: tuple[Window, ...] = ()
    by_list: bool = False
    closing: Window | None = None
    source: str = "api"
    recorder: TaskInstanceRef = field(default_factory=TaskInstanceRef)

    def answered_windows(self) -> list[Window]:
        """Return the parts that the exchange answered."""
        others = (self.rejected, self.failed, self.unobtainable, self.not_listed)
        return subtract(self.window, [found.window for group in others for found in group])


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What is known besides the day itself, for judging its silences.

    `history` is the market's pace on other days, `others` that of the other exchanges on this one. `before_slots` and
    `after_slots` count the slots without a candle directly before and after the day. `alive_ms` is the open time of
    the exchange's newest candle with volume, in any market; 0 for none. `give_up_ms` is how long a stretch is retried
    before it counts as unobtainable.
    """

    history: Pace = field(default_factory=Pace)
    others: Pace = field(default_factory=Pace)
    before_slots: int = 0
    after_slots: int = 0
    alive_ms: int = 0
    give_up_ms: int = 14 * 86_400_000
