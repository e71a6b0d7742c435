"""What stands between the truth and what is stored."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass


@dataclass(frozen=True)
class Difference:
    """Stored candles against the truth."""

    lost: int
    doubled: int
    wrong: int

    def __add__(self, other: Difference) -> Difference:
        return Difference(self.lost + other.lost, self.doubled + other.doubled, self.wrong + other.wrong)


def difference(expected: list[tuple], found: list[tuple]) -> Difference:
    """Return how two lists of rows (time_ms, open, high, low, close, volume) differ."""
    times = Counter(row[0] for row in found)
    right = {row[0]: row for row in expected}
    return Difference(
        lost=sum(time not in times for time in right),
        doubled=sum(count - 1 for count in times.values()),
        wrong=sum(right.get(row[0]) != row for row in found),
    )
