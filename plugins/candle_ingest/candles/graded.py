"""Merged candles with the quality and the grade of each."""

from dataclasses import dataclass

from candle_ingest.candles.merge import MergedCandles
from candle_ingest.candles.quality import Quality


@dataclass(frozen=True, slots=True, eq=False)
class GradedCandles:
    """Merged candles, the quality of the same minutes, and a grade from A to D for each."""

    merged: MergedCandles
    quality: Quality
    grades: list[str]

    def __len__(self) -> int:
        return len(self.merged)
