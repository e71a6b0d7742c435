"""Repeated figures, and ratios of two things that take turns."""

import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Figures:
    """The same quantity, measured several times. The median is what counts: one slow run does not move it."""

    values: tuple[float, ...]

    def __post_init__(self) -> None:
        if not self.values:
            raise ValueError("at least one figure is needed")

    @property
    def median(self) -> float:
        """Return the middle value, or the mean of the two in the middle."""
        return statistics.median(self.values)

    @property
    def lowest(self) -> float:
        """Return the smallest value."""
        return min(self.values)

    @property
    def highest(self) -> float:
        """Return the largest value."""
        return max(self.values)

    def __len__(self) -> int:
        return len(self.values)


def speed_ratios(our_seconds: Sequence[float], other_seconds: Sequence[float]) -> Figures:
    """Return how many times as fast we are, pair by pair: 2 where we take half the time."""
    return Figures(tuple(other / ours for ours, other in zip(our_seconds, other_seconds, strict=True)))


def take_turns(ours: Callable[[], object], other: Callable[[], object], repetitions: int) -> Figures:
    """Return the speed ratios of two calls that do the same work.

    They take turns, and each goes first in every other round, so that other load on the machine affects both. A first
    round, which is not counted, opens connections and fills caches.
    """
    ours(), other()
    pairs = [_round(ours, other, ours_first=index % 2 == 0) for index in range(repetitions)]
    return speed_ratios([pair[0] for pair in pairs], [pair[1] for pair in pairs])


def _round(ours: Callable[[], object], other: Callable[[], object], *, ours_first: bool) -> tuple[float, float]:
    """Return the seconds of our call and of the other one."""
    if ours_first:
        return seconds_of(ours), seconds_of(other)
    other_seconds = seconds_of(other)
    return seconds_of(ours), other_seconds


def seconds_of(call: Callable[[], object]) -> float:
    """Return how long a call takes, in seconds."""
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def repeat(measure: Callable[[], float], repetitions: int) -> Figures:
    """Take the same measurement several times."""
    return Figures(tuple(_each(measure, repetitions)))


def _each(measure: Callable[[], float], repetitions: int) -> Iterator[float]:
    for _ in range(repetitions):
        yield measure()
