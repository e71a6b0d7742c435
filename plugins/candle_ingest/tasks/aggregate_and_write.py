"""Step 4: merge, write, and move the watermarks."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from candle_ingest.adapters.candle_store import CandleStore
from candle_ingest.adapters.connections import connect_influxdb, connect_redis
from candle_ingest.adapters.coverage_ledger import CoverageLedger
from candle_ingest.adapters.influx_bucket import InfluxBucket
from candle_ingest.adapters.watermarks import Watermarks
from candle_ingest.core.candles import Candles
from candle_ingest.core.merging import merge_candles
from candle_ingest.core.window import Window
from candle_ingest.errors import IncompleteError
from candle_ingest.tasks.advance_watermarks import advance_watermarks
from candle_ingest.tasks.fetch_candles import Summary, unpack_candles
from candle_ingest.tasks.fetch_request import FetchRequest
from candle_ingest.tasks.run import Run
from candle_ingest.tasks.validate_symbols import Plan

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class PairRequests:
    """All requests of one pair; they share a window."""

    ticker: str
    currency_pair: str
    window: Window
    exchanges: tuple[str, ...]


def aggregate_and_write(run: Run, plan: Plan, summaries: Sequence[Summary]) -> dict[str, int]:
    """Merge every symbol that enough exchanges answered for; return the merged candles by pair.

    Raises IncompleteError that names each symbol that has not enough, after all others are written.
    """
    pairs = _by_pair(plan.requests)
    succeeded = {(summary["currency_pair"], summary["exchange"]) for summary in summaries}
    if run.dry:
        return _report_dry(run, pairs, summaries)
    with InfluxBucket(connect_influxdb(), run.settings.influxdb_bucket) as bucket:
        merger = _Merger(run, bucket, plan.min_exchanges)
        written = {}
        for pair in pairs:
            count = merger.merge(pair, {e for e in pair.exchanges if (pair.currency_pair, e) in succeeded})
            if count is not None:
                written[pair.currency_pair] = count
        done = [pair for pair in pairs if pair.currency_pair in written]
        with connect_redis() as client:
            advance_watermarks(run, {p.ticker: (p.currency_pair, p.window) for p in done}, Watermarks(bucket), merger.ledger, client)
    _raise_if_incomplete(plan, merger.shortfalls, len(written))
    return written
