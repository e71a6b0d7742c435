"""What a run of backfill or catch-up asks for: a window of each symbol, on each exchange that lists it."""

import logging
from collections.abc import Sequence

from candle_ingest.candles.symbol import Symbol
from candle_ingest.errors.servers import BucketMissingError
from candle_ingest.ledger.watermarks import Watermarks
from candle_ingest.planning.fetch_request import FetchRequest
from candle_ingest.planning.listings import Listings
from candle_ingest.planning.merge_job import MergeJob
from candle_ingest.planning.run import Run
from candle_ingest.planning.served_before import ServedBefore
from candle_ingest.planning.windows import SymbolWindow, plan_windows
from candle_ingest.store.bucket import InfluxBucket

logger = logging.getLogger(__name__)


def plan_interval(
    run: Run, symbols: Sequence[Symbol], listings: Listings, served: ServedBefore, bucket: InfluxBucket
) -> tuple[list[FetchRequest], list[MergeJob]]:
    """The fetches and merges of the run. A symbol of which all is there has neither."""
    windows = _windows(run, symbols, bucket)
    planned = [(symbol, windows[symbol.ticker]) for symbol in symbols if windows[symbol.ticker].window]
    requests = [request for symbol, window in planned for request in _requests(symbol, listings, window)]
    return requests, [_merge(symbol, listings, served, window) for symbol, window in planned]


def _windows(run: Run, symbols: Sequence[Symbol], bucket: InfluxBucket) -> dict[str, SymbolWindow]:
    try:
        return plan_windows(run, symbols, Watermarks(bucket))
    except BucketMissingError:
        if not run.dry:
            raise
        logger.info("The bucket %s does not exist yet: a wet run would create it", bucket.name)
        return plan_windows(run, symbols, None)


def _requests(symbol: Symbol, listings: Listings, planned: SymbolWindow) -> list[FetchRequest]:
    return [
        FetchRequest.of(symbol, exchange, market, planned.window, planned.reread_before_ms)
        for exchange, market in listings.exchanges_of(symbol.currency_pair).items()
    ]


def _merge(symbol: Symbol, listings: Listings, served: ServedBefore, planned: SymbolWindow) -> MergeJob:
    """Also of exchanges that do not tell their markets now, and have served the pair before."""
    silent = [name for name in listings.unreachable if served.has_served(name, symbol.currency_pair)]
    return MergeJob.of(symbol, planned.window, [*listings.exchanges_of(symbol.currency_pair), *silent])
