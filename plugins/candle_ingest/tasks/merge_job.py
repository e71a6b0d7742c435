"""What one merge is about: a pair, a window, and the exchanges that list the pair."""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self

from candle_ingest.core.window import Window


@dataclass(frozen=True, slots=True, kw_only=True)
class MergeJob:
    """The candles of [start_ms, end_ms) of one pair are to be merged; those before `reread_before_ms` once more.

    `exchanges` are those that are known to list the pair.
    """

    ticker: str
    currency_pair: str
    start_ms: int
    end_ms: int
    reread_before_ms: int
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
    """A window for which the same exchanges have answered."""

    window: Window
    exchanges: tuple[str, ...]


# The settled windows of each exchange.
Answers = Mapping[str, Sequence[Window]]


def whole(job: MergeJob, answered: Answers) -> list[Piece]:
    """The job in one piece: an exchange takes part if it has answered for all of it.

    What is merged once more is a piece of its own where other exchanges have answered for it than for what is new:
    one that fails today does not vanish from candles that it took part in yesterday.
    """
    border_ms = min(max(job.start_ms, job.reread_before_ms), job.end_ms)
    again, new = Window(job.start_ms, border_ms), Window(border_ms, job.end_ms)
    found = [_piece(window, answered) for window in (again, new) if window]
    return found if len({piece.exchanges for piece in found}) > 1 else [_piece(job.window, answered)]


def pieces(job: MergeJob, answered: Answers) -> list[Piece]:
    """The job cut wherever an exchange's answers begin or end, ascending."""
    borders = {job.start_ms, job.end_ms}
    for window in (window for windows in answered.values() for window in windows):
        part = window.intersection(job.window)
        borders |= {part.start_ms, part.end_ms} if part else set()
    return [_piece(Window(start_ms, end_ms), answered) for start_ms, end_ms in itertools.pairwise(sorted(borders))]


def _piece(window: Window, answered: Answers) -> Piece:
    return Piece(window, tuple(name for name, own in answered.items() if any(w.covers(window) for w in own)))
