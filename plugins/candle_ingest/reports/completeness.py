"""Report how far each symbol is merged and complete, and what is open."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from candle_ingest.candles.window import DAY_MS, Window, floor_ms
from candle_ingest.errors.ledger import UnreadableRecordError
from candle_ingest.ledger.day_records import DayRecords
from candle_ingest.ledger.minute_state import CoverageCounts
from candle_ingest.ledger.watermarks import Watermarks, final_key
from candle_ingest.reports.coverage_totals import CoverageTotal, read_pair_totals
from candle_ingest.reports.expected_coverage import ExpectedCoverage
from candle_ingest.reports.freshness import UNLISTED, Freshness, SymbolFreshness
from candle_ingest.reports.unlisted import unlisted_in_words
from candle_ingest.store.bucket import InfluxBucket

# Days that are read at a time while following the merged days.
DAYS_AT_ONCE = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class SymbolCompleteness:
    """`merged_up_to_ms` is where the first hole in the merged data begins, `complete_up_to_ms` the first day not final.

    They are None as long as no history is merged, or final. `counts` are the slots from the start of the history to
    now, summed over the exchanges; `unobtainable` also counts those whose closing looks were given up. `up_to_date`
    says whether everything is merged as near to now as catch-up is expected to get, and nothing is open. `problem` is
    the error if a record cannot be read: `merged_up_to_ms` then goes up to the day of that record at most. It also
    says so if the symbol is not fetched because too few exchanges list it.
    """

    symbol: SymbolFreshness
    merged_up_to_ms: int | None
    complete_up_to_ms: int | None
    counts: CoverageCounts
    unobtainable: int
    up_to_date: bool
    problem: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return the values for JSON."""
        return {
            **asdict(self.symbol),
            "merged_up_to_ms": self.merged_up_to_ms,
            "complete_up_to_ms": self.complete_up_to_ms,
            "open": self.counts.open,
            "unobtainable": self.unobtainable,
            "up_to_date": self.up_to_date,
            "problem": self.problem,
        }


def read_completeness(
    bucket: InfluxBucket, found: Freshness, expected: ExpectedCoverage, now_ms: int
) -> list[SymbolCompleteness]:
    """Return how far each symbol is: its watermark, continued by the merged days after it."""
    slot_ms = expected.timeframe.ms
    merged_ms, unreadable = follow_merged(bucket, _after_watermarks(found, slot_ms), now_ms)
    final_ms = Watermarks(bucket).read([final_key(symbol.ticker) for symbol in found.symbols])
    totals = _totals(bucket, found, expected, now_ms)
    result = []
    for symbol in found.symbols:
        until_ms, own = merged_ms.get(symbol.currency_pair), totals[symbol.currency_pair]
        in_time = until_ms is not None and now_ms - until_ms <= found.late_after_ms
        problem = str(unreadable.get(symbol.currency_pair, "")) or _why_not_fetched(symbol)
        last_final_ms = final_ms.get(final_key(symbol.ticker))
        result.append(
            SymbolCompleteness(
                symbol=symbol,
                merged_up_to_ms=until_ms,
                complete_up_to_ms=None if last_final_ms is None else last_final_ms + slot_ms,
                counts=own.counts,
                unobtainable=own.counts.unobtainable + own.unconfirmed,
                up_to_date=in_time and not own.counts.open and not problem,
                problem=problem,
            )
        )
    return result


def _why_not_fetched(symbol: SymbolFreshness) -> str:
    return unlisted_in_words(symbol.currency_pair) if symbol.state == UNLISTED else ""


def _after_watermarks(found: Freshness, slot_ms: int) -> dict[str, int]:
    """Return, by pair, where the first slot after its watermark begins: backfill's, or catch-up's without a history."""
    begin_ms: dict[str, int] = {}
    for symbol in found.symbols:
        watermark_ms = symbol.catch_up_ms if found.history_start_ms is None else symbol.backfill_ms
        if watermark_ms is not None:
            begin_ms[symbol.currency_pair] = watermark_ms + slot_ms
    return begin_ms


def follow_merged(
    bucket: InfluxBucket, begin_ms: Mapping[str, int], now_ms: int
) -> tuple[dict[str, int], dict[str, UnreadableRecordError]]:
    """Return, by pair, the end of the merged slots after `begin_ms`, and the errors of pairs with unreadable records.

    Many pairs are read at once.
    """
    at, records = dict(begin_ms), DayRecords(bucket)
    unreadable: dict[str, UnreadableRecordError] = {}
    moving = {pair for pair in at if at[pair] < now_ms}
    while moving:
        start_ms = floor_ms(min(at[pair] for pair in moving), DAY_MS)
        span = Window(start_ms, start_ms + DAYS_AT_ONCE * DAY_MS)
        days, errors = records.read_readable_merges(span, {pair for pair in moving if at[pair] < span.end_ms})
        unreadable.update(errors)
        for pair in [pair for pair in moving if at[pair] < span.end_ms]:
            while (day := days.get((pair, floor_ms(at[pair], DAY_MS)))) and day.merged_until_ms(at[pair]) > at[pair]:
                at[pair] = day.merged_until_ms(at[pair])
            if at[pair] < min(span.end_ms, now_ms) or at[pair] >= now_ms:
                moving.discard(pair)
    return at, unreadable


def _totals(
    bucket: InfluxBucket, found: Freshness, expected: ExpectedCoverage, now_ms: int
) -> dict[str, CoverageTotal]:
    """Return the slots of each pair since the start of the history; if that is skipped, since today."""
    start_ms = found.history_start_ms if found.history_start_ms is not None else floor_ms(now_ms, DAY_MS)
    window = Window(floor_ms(start_ms, DAY_MS), floor_ms(now_ms, DAY_MS) + DAY_MS)
    pairs: Sequence[str] = [symbol.currency_pair for symbol in found.symbols]
    return {total.currency_pair: total for total in read_pair_totals(bucket, window, pairs, expected)}
