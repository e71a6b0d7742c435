"""What one merge is about: a pair, a window, and the exchanges that list the pair."""

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self

from candle_ingest.candles.symbol import Symbol
from candle_ingest.candles.window import Window


@dataclass(frozen=True, slots=True, kw_only=True)
class MergeJob:
    """The candles of [start_ms, end_ms) of one pair are to be merged; `exchanges` are known to list it."""

    ticker: str
    currency_pair: str
    start_ms: int
    end_ms: int
    exchanges: tuple[str, ...]

    @classmethod
    def of(cls, symbol: Symbol, window: Window, exchanges: Iterable[str]) -> Self:
        """What is to be merged of a symbol."""
        return cls(
            ticker=symbol.ticker,
            currency_pair=symbol.currency_pair,
            start_ms=window.start_ms,
            end_ms=window.end_ms,
            exchanges=tuple(exchanges),
        )

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


def answered_all(job: MergeJob, answered: Answers) -> list[str]:
    """The exchanges that have answered for all of the job."""
    return list(_piece(job.window, answered).exchanges)


def pieces(job: MergeJob, answered: Answers) -> list[Piece]:
    """The job in the fewest pieces in each of which the same exchanges have answered, ascending."""
    borders = {job.start_ms, job.end_ms}
    for window in (window for windows in answered.values() for window in windows):
        part = window.intersection(job.window)
        borders |= {part.start_ms, part.end_ms} if part else set()
    cut = [_piece(Window(start_ms, end_ms), answered) for start_ms, end_ms in itertools.pairwise(sorted(borders))]
    same = (list(group) for _, group in itertools.groupby(cut, key=lambda piece: piece.exchanges))
    return [Piece(Window(g[0].window.start_ms, g[-1].window.end_ms), g[0].exchanges) for g in same]


def _piece(window: Window, answered: Answers) -> Piece:
    return Piece(window, tuple(name for name, own in answered.items() if any(w.covers(window) for w in own)))
