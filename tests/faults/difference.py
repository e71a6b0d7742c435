"""The difference between the stored candles and the truth."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass


@dataclass(frozen=True)
class Difference:
    """The numbers of candles that are missing, stored more than once, or not equal to the truth."""

    lost: int
    duplicated: int
    wrong: int

    def __add__(self, other: Difference) -> Difference:
        return Difference(self.lost + other.lost, self.duplicated + other.duplicated, self.wrong + other.wrong)


def difference(expected: list[tuple], found: list[tuple]) -> Difference:
    """Return how two lists of rows (time_ms, open, high, low, close, volume) differ."""
    times = Counter(row[0] for row in found)
    right = {row[0]: row for row in expected}
    return Difference(
        lost=sum(time not in times for time in right),
        duplicated=sum(count - 1 for count in times.values()),
        wrong=sum(right.get(row[0]) != row for row in found),
    )
