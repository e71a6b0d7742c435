"""Up to where each symbol is complete: every candle before is merged and written, or nobody traded."""

from dataclasses import asdict, dataclass
from typing import Any

from candle_ingest.candles.timeframe import Timeframe
from candle_ingest.candles.window import Window, contiguous_end_ms
from candle_ingest.ledger.merge_ledger import MergeLedger
from candle_ingest.reports.freshness import Freshness, SymbolFreshness
from candle_ingest.store.bucket import InfluxBucket


@dataclass(frozen=True, slots=True, kw_only=True)
class SymbolCompleteness:
    """`complete_up_to_ms` is where the first hole begins, None where the history has not begun to be complete.

    `complete` says whether that is as near to now as catch-up can be expected to be.
    """

    symbol: SymbolFreshness
    complete_up_to_ms: int | None
    complete: bool

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {**asdict(self.symbol), "complete_up_to_ms": self.complete_up_to_ms, "complete": self.complete}


def read_completeness(
    bucket: InfluxBucket, found: Freshness, timeframe: Timeframe, now_ms: int
) -> list[SymbolCompleteness]:
    """From the watermark of the history on, the ledger of merges says how far it goes."""
    has_history, late_ms = found.history_start_ms is not None, found.late_after_ms
    return [_completeness(bucket, symbol, timeframe, has_history, late_ms, now_ms) for symbol in found.symbols]


def _completeness(
    bucket: InfluxBucket,
    symbol: SymbolFreshness,
    timeframe: Timeframe,
    has_history: bool,
    late_after_ms: int,
    now_ms: int,
) -> SymbolCompleteness:
    watermark_ms = symbol.backfill_ms if has_history else symbol.catch_up_ms
    if watermark_ms is None:
        return SymbolCompleteness(symbol=symbol, complete_up_to_ms=None, complete=False)
    vouched_ms = watermark_ms + timeframe.ms
    merges = MergeLedger(bucket, timeframe.ms).merges(Window(vouched_ms, max(vouched_ms, now_ms)), symbol.currency_pair)
    end_ms = contiguous_end_ms(vouched_ms, [merge.window for merge in merges])
    return SymbolCompleteness(symbol=symbol, complete_up_to_ms=end_ms, complete=now_ms - end_ms <= late_after_ms)
