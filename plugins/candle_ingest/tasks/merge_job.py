"""What one merge is about: a pair, a window, and the exchanges that list the pair."""

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self

from candle_ingest.core.window import Window


@dataclass(frozen=True, slots=True, kw_only=True)
class MergeJob:
    """The candles of [start_ms, end_ms) of one pair are to be merged, from those `exchanges` that answered."""

    ticker: str
    currency_pair: str
    start_ms: int
    end_ms: int
    exchanges: tuple[str, ...]

    @property
    def window(self) -> Window:
        """All that is to be merged."""
        return Window(self.start_ms, self.end_ms)

    def to_dict(self) -> dict[str, Any]:
        """For XCom."""
        return {**asdict(self), "exchanges": list(self.exchanges)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """From XCom."""
        return cls(**{**values, "exchanges": tuple(values["exchanges"])})


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a job for which the same exchanges have answered."""

    window: Window
    exchanges: tuple[str, ...]


def whole(job: MergeJob, answered: Mapping[str, Sequence[Window]], failed: Iterable[str]) -> Piece:
    """The job in one piece: an exchange takes part if it answered for all of it and its fetch did not fail."""
    without = set(failed)
    complete = [
        name
        for name in job.exchanges
        if name not in without and any(window.covers(job.window) for window in answered.get(name, ()))
    ]
    return Piece(job.window, tuple(complete))


def pieces(job: MergeJob, answered: Mapping[str, Sequence[Window]]) -> list[Piece]:
    """The job cut wherever an exchange's answers begin or end, ascending."""
    borders = {job.start_ms, job.end_ms}
    for name in job.exchanges:
        for window in answered.get(name, ()):
            part = window.intersection(job.window)
            borders |= {part.start_ms, part.end_ms} if part else set()
    ordered = sorted(borders)
    found = []
    for start_ms, end_ms in itertools.pairwise(ordered):
        window = Window(start_ms, end_ms)
        found.append(
            Piece(window, tuple(n for n in job.exchanges if any(w.covers(window) for w in answered.get(n, ()))))
        )
    return found
