"""The settings that a merged candle depends on."""

from dataclasses import dataclass
from typing import Literal

QuoteConversion = Literal["observed", "par"]
HighLow = Literal["weighted", "extremes"]


@dataclass(frozen=True, slots=True, kw_only=True)
class MergeMethod:
    """The settings that decide the result of a merge.

    `quote_conversion`: whether a stablecoin leg is converted at its observed rate or taken at par. `guard_percent`: the
    distance from the others at which the guard acts; 0 switches it off. `high_low`: `weighted` or `extremes`.
    """

    quote_conversion: QuoteConversion = "observed"
    guard_percent: float = 5.0
    high_low: HighLow = "weighted"

    def __str__(self) -> str:
        """Return the name that is stored with a merge. If it changes, the candles have to be merged again."""
        return f"{self.quote_conversion} rates, guard {self.guard_percent:g} %, {self.high_low} high and low"
