"""How candles are merged: the settings that a merged candle depends on."""

from dataclasses import dataclass
from typing import Literal

QuoteConversion = Literal["observed", "par"]
HighLow = Literal["weighted", "extremes"]


@dataclass(frozen=True, slots=True, kw_only=True)
class MergeMethod:
    """The settings that decide what a merge of the same candles gives.

    `quote_conversion` says whether a stablecoin leg is converted at its observed rate or taken at par. `guard_percent`
    is the distance from the others at which the guard acts; 0 switches it off. `high_low` is `weighted` or `extremes`.
    """

    quote_conversion: QuoteConversion = "observed"
    guard_percent: float = 5.0
    high_low: HighLow = "weighted"

    def __str__(self) -> str:
        """Return the name that is stored with a merge: another name means that it has to be merged again."""
        return f"{self.quote_conversion} rates, guard {self.guard_percent:g} %, {self.high_low} high and low"
