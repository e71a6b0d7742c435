"""The common base of the records of a day: spans, and one mark per slot."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from candle_ingest.candles.window import DAY_MS, Window


@dataclass(frozen=True, slots=True)
class Span:
    """A part of a UTC day, [start_ms, end_ms)."""

    start_ms: int
    end_ms: int

    @property
    def window(self) -> Window:
        """Return its time span."""
        return Window(self.start_ms, self.end_ms)


@dataclass(frozen=True, kw_only=True)
class MarkedDay:
    """The UTC day of one pair that begins at `day_ms`; `marks` has one byte for each slot."""

    currency_pair: str
    day_ms: int
    marks: bytes

    @property
    def window(self) -> Window:
        """Return the day."""
        return Window(self.day_ms, self.day_ms + DAY_MS)

    @property
    def slot_ms(self) -> int:
        """Return the length of a candle."""
        return DAY_MS // len(self.marks)

    @property
    def mark_array(self) -> NDArray[np.uint8]:
        """Return the marks as numbers."""
        return np.frombuffer(self.marks, dtype=np.uint8)

    def place(self, window: Window) -> slice:
        """Return the slice of slots that `window` covers within the day."""
        part = window.intersection(self.window)
        first = (part.start_ms - self.day_ms) // self.slot_ms
        return slice(first, first + part.slots(self.slot_ms))

    def slots_in(self, windows: Iterable[Window]) -> NDArray[np.bool_]:
        """Return which slots of the day lie in one of the windows; shape: one per mark."""
        chosen = np.zeros(len(self.marks), dtype=np.bool_)
        for window in windows:
            chosen[self.place(window)] = True
        return chosen

    def windows_where(self, chosen: NDArray[np.bool_]) -> list[Window]:
        """Return the windows of the chosen slots (shape: one per mark), with neighbours joined."""
        borders = np.flatnonzero(np.diff(chosen, prepend=False, append=False)) * self.slot_ms + self.day_ms
        return [Window(start_ms, end_ms) for start_ms, end_ms in borders.reshape(-1, 2).tolist()]
