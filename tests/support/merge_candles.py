"""Merge candles in one quote currency."""

from collections.abc import Mapping

from candle_ingest.candles.candles import Candles
from candle_ingest.candles.merge import Conversion, MergedCandles, merge_minutes
from candle_ingest.candles.merge_method import HighLow, MergeMethod


def merge_candles(by_exchange: Mapping[str, Candles], high_low: HighLow = "weighted") -> MergedCandles:
    """Merge without conversion and without the guard."""
    method = MergeMethod(quote_conversion="par", guard_percent=0.0, high_low=high_low)
    return merge_minutes(by_exchange, Conversion("USD", {}, {}), method)[0]
