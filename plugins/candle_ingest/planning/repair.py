"""What a repair run asks for: the gaps in the ledger that are due, newest first, within its budget."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from candle_ingest.candles.symbol import Symbol
from candle_ingest.candles.window import Window, touched_days, union
from candle_ingest.exchanges.call_estimate import candle_calls
from candle_ingest.exchanges.profiles import exchange_profile
from candle_ingest.ledger.coverage_ledger import CoverageLedger
from candle_ingest.ledger.due_work import Gap, due_gaps, stale_windows
from candle_ingest.ledger.merge_ledger import MergeLedger
from candle_ingest.planning.fetch_request import FetchRequest
from candle_ingest.planning.listings import Listings
from candle_ingest.planning.merge_job import MergeJob
from candle_ingest.planning.run import Run
from candle_ingest.store.bucket import InfluxBucket

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class OpenWork:
    """The due gaps of one symbol, and the windows whose merge is missing or knows less than the ledger."""

    symbol: Symbol
    gaps: list[Gap]
    stale: list[Window]


def plan_repair(
    run: Run, symbols: Sequence[Symbol], listings: Listings, bucket: InfluxBucket
) -> tuple[list[FetchRequest], list[MergeJob]]:
    """The fetches and merges of a repair run."""
    found = [_open_work(run, symbol, listings, bucket) for symbol in symbols]
    chosen = _within_budget(run, [(work.symbol, gap) for work in found for gap in work.gaps])
    requests = [_request(symbol, gap, listings) for symbol, gap in chosen]
    merges = [job for work in found for job in _merges(work, requests, listings)]
    total = sum(len(work.gaps) for work in found)
    logger.info("Repair: %d windows are open and due, %d of them are asked for now", total, len(requests))
    return requests, merges


def _open_work(run: Run, symbol: Symbol, listings: Listings, bucket: InfluxBucket) -> OpenWork:
    """Looks at the days on which something was ever open: on the others each run has merged what it fetched."""
    pair, listed = symbol.currency_pair, listings.exchanges_of(symbol.currency_pair)
    ledger, merges = CoverageLedger(bucket, run.bar_ms), MergeLedger(bucket, run.bar_ms)
    days = union(touched_days(entry.window) for entry in ledger.unsettled(pair))
    entries = [
        entry for span in days for entry in ledger.entries(span, pair) if entry.exchange in run.settings.exchange_ids
    ]
    merged = [merge for span in days for merge in merges.merges(span, pair)]
    return OpenWork(
        symbol,
        due_gaps([entry for entry in entries if entry.exchange in listed], run.now_ms),
        stale_windows(entries, merged, days, run.bar_ms, run.settings.min_exchanges),
    )


def _within_budget(run: Run, gaps: Sequence[tuple[Symbol, Gap]]) -> list[tuple[Symbol, Gap]]:
    """The newest gaps, as many as the budget of calls allows, and at least one."""
    chosen: list[tuple[Symbol, Gap]] = []
    left = run.settings.repair_calls
    for symbol, gap in sorted(gaps, key=lambda item: -item[1].window.start_ms):
        left -= candle_calls(exchange_profile(gap.exchange), gap.window, run.bar_ms)
        if left < 0 and chosen:
            break
        chosen.append((symbol, gap))
    return chosen


def _request(symbol: Symbol, gap: Gap, listings: Listings) -> FetchRequest:
    market = listings.exchanges_of(symbol.currency_pair)[gap.exchange]
    reread_before_ms = gap.window.end_ms if gap.again else gap.window.start_ms
    return FetchRequest.of(symbol, gap.exchange, market, gap.window, reread_before_ms)


def _merges(work: OpenWork, requests: Sequence[FetchRequest], listings: Listings) -> list[MergeJob]:
    pair = work.symbol.currency_pair
    asked = [request.window for request in requests if request.currency_pair == pair]
    return [MergeJob.of(work.symbol, window, listings.exchanges_of(pair)) for window in union([*asked, *work.stale])]
