"""Handle fetches that left no result because they were killed or never started."""

from collections.abc import Sequence

from candle_ingest.connections import RedisClient
from candle_ingest.fetching.fetch_summary import Summary, batch_key
from candle_ingest.planning.catch_up_start import CatchUpStart
from candle_ingest.planning.fetch_batch import FetchBatch
from candle_ingest.planning.plan import Plan
from candle_ingest.planning.record_keeping import record_keeper
from candle_ingest.planning.run import Run
from candle_ingest.planning.unasked import record_failed
from candle_ingest.store.bucket import InfluxBucket

NO_RESULT = "no result recorded: the fetch task was killed, or never started"


def unfinished_batches(plan: Plan, summaries: Sequence[Summary]) -> list[FetchBatch]:
    """Return the batches whose fetch returned nothing: it failed, was killed, or never ran."""
    done = {summary["batch"] for summary in summaries}
    return [batch for batch in plan.batches if batch_key(batch) not in done]


def record_unfinished(run: Run, batches: Sequence[FetchBatch], bucket: InfluxBucket, client: RedisClient) -> None:
    """Record as failed what these fetches would have requested and no other fetch has.

    A fetch that failed has recorded that itself, so what it requested is left alone.
    """
    keeper = record_keeper(run.settings, bucket, client)
    for batch in batches:
        if not batch.windows:
            first_ms = CatchUpStart(run, bucket, batch.first_ms).on(batch.exchange)
            reasons = dict.fromkeys(batch.pairs, NO_RESULT)
            record_failed(run, bucket, keeper, batch.exchange, reasons, first_ms, only_not_asked=True)
