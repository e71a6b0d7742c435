"""The quality of a minute as one byte, so that a day of minutes can be stored, changed in part and counted."""

from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from candle_ingest.candles.merge import MergedCandles
from candle_ingest.candles.quality import Quality, grades
from candle_ingest.candles.rates import is_depeg

# The lowest bits: 0 for a minute without quality, else the number of its grade as a final minute.
GRADES = ("A", "B", "C", "D")
GRADE_BITS = 7
EXCLUDED, CLAMPED, DISPUTED, CONVERTED, DEPEG = 8, 16, 32, 64, 128


@dataclass(frozen=True, slots=True)
class QualityCounts:
    """The number of minutes with each grade, once final, and with each mark.

    `excluded`, `clamped` and `disputed` count minutes in which the guard found such a price, `converted` those that had
    a rate, `depeg` those with a stablecoin off its peg.
    """

    grade_a: int = 0
    grade_b: int = 0
    grade_c: int = 0
    grade_d: int = 0
    excluded: int = 0
    clamped: int = 0
    disputed: int = 0
    converted: int = 0
    depeg: int = 0

    def __add__(self, other: "QualityCounts") -> "QualityCounts":
        theirs = other.to_dict()
        return QualityCounts(**{name: count + theirs[name] for name, count in self.to_dict().items()})

    def to_dict(self) -> dict[str, int]:
        """Return the counts by name."""
        return asdict(self)


def quality_codes(merged: MergedCandles, quality: Quality, quote: str) -> NDArray[np.uint8]:
    """Return a byte for each minute of `quality`; `quote` is that of the pair."""
    counts = np.zeros(len(quality), np.int64)
    counts[np.searchsorted(quality.open_time_ms, merged.candles.open_time_ms)] = merged.exchange_count
    letters = grades(counts, quality, np.ones(len(quality), np.bool_))
    codes = np.array([GRADES.index(letter) + 1 for letter in letters], dtype=np.uint8)
    for bit, texts in ((EXCLUDED, quality.excluded), (CLAMPED, quality.clamped), (DISPUTED, quality.disputed)):
        codes |= np.where(np.array(texts, dtype=object) != "", bit, 0).astype(np.uint8)
    for rate in quality.rates.values():
        codes |= np.where(np.isnan(rate), 0, CONVERTED).astype(np.uint8)
        codes |= np.where(is_depeg(rate, quote), DEPEG, 0).astype(np.uint8)
    return codes


def count_codes(codes: NDArray[np.uint8]) -> QualityCounts:
    """Return how many minutes have each grade and each mark."""
    by_grade = np.bincount(codes & GRADE_BITS, minlength=len(GRADES) + 1)[1 : len(GRADES) + 1].tolist()
    marks = [int(np.count_nonzero(codes & bit)) for bit in (EXCLUDED, CLAMPED, DISPUTED, CONVERTED, DEPEG)]
    return QualityCounts(*by_grade, *marks)
