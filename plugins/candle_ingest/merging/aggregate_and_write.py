"""Step 4: merge, write, account for every minute, and move the watermarks."""

import logging
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from candle_ingest import metrics
from candle_ingest.candles.window import DAY_MS
from candle_ingest.connections import connect_influxdb
from candle_ingest.errors import IncompleteError
from candle_ingest.fetching.fetch_summary import Summary
from candle_ingest.ledger.day_account import total
from candle_ingest.merging.advance_watermarks import advance_watermarks
from candle_ingest.merging.aggregation import Aggregation, JobOutcome
from candle_ingest.merging.dry_report import report_dry
from candle_ingest.metric_catalogue import ACCOUNTED, CANDLES_WRITTEN, SYMBOLS_SHORT, SYMBOLS_WRITTEN
from candle_ingest.planning.plan import Plan
from candle_ingest.planning.run import REPAIR, Run
from candle_ingest.store.bucket import InfluxBucket

logger = logging.getLogger(__name__)
# Short windows of many symbols mostly wait for InfluxDB; long ones fill the memory, and come one by one.
SHORT_WINDOW_MS = DAY_MS
THREADS = 4


def aggregate_and_write(run: Run, plan: Plan, summaries: Sequence[Summary]) -> dict[str, int]:
    """Merge every pair that enough exchanges answered for; return the number of merged candles by pair.

    Raises IncompleteError that names each pair that has not enough, after all others are written. A repair run
    does not: what stays open is in the ledger, and the next one takes it up.
    """
    if run.dry:
        counts, short = report_dry(run, plan, summaries)
    else:
        counts, short = _merge_all(run, plan, summaries)
    if run.kind == REPAIR:
        for line in short:
            logger.warning("Still open: %s", line)
    else:
        _raise_if_incomplete([*short, *plan.left_out], counts)
    return counts


def _merge_all(run: Run, plan: Plan, summaries: Sequence[Summary]) -> tuple[dict[str, int], list[str]]:
    """The merged candles by pair, and a sentence for each window that had not enough exchanges."""
    counts: dict[str, int] = {}
    with InfluxBucket(connect_influxdb(), run.settings.influxdb_bucket) as bucket:
        aggregation = Aggregation(run, plan, summaries, bucket)
        threads = THREADS if all(j.end_ms - j.start_ms <= SHORT_WINDOW_MS for j in plan.merges) else 1
        with ThreadPoolExecutor(threads) as pool:
            outcomes = list(pool.map(aggregation.merge, plan.merges))
        advance_watermarks(run, [(o.job, window) for o in outcomes for window in o.written], bucket)
    for outcome in outcomes:
        if outcome.written:
            pair = outcome.job.currency_pair
            counts[pair] = counts.get(pair, 0) + outcome.candle_count
    if outcomes:
        _send_metrics(run, counts, outcomes)
    return counts, [line for outcome in outcomes for line in outcome.short]


def _send_metrics(run: Run, counts: dict[str, int], outcomes: Sequence[JobOutcome]) -> None:
    tags = {"pipeline": run.settings.name, "dag": run.kind}
    metrics.count(SYMBOLS_WRITTEN, len(counts), **tags)
    metrics.count(SYMBOLS_SHORT, sum(len(outcome.short) for outcome in outcomes), **tags)
    metrics.count(CANDLES_WRITTEN, sum(counts.values()), **tags)
    for outcome in outcomes:
        if outcome.accounts:
            sums, pair = total(outcome.accounts), outcome.job.currency_pair
            metrics.gauge(ACCOUNTED, 1 - sums.open / sums.expected, pipeline=run.settings.name, currency_pair=pair)


def _raise_if_incomplete(short: Sequence[str], written: dict[str, int]) -> None:
    if short:
        raise IncompleteError(
            f"{len(short)} symbols are not complete:\n" + "\n".join(f"  {line}" for line in short)
            + f"\n{len(written)} symbols are written. Once the cause is mended, clear the failed tasks of this run "
            "(`airflow tasks clear --only-failed`): they and this merge run again, nothing else.",
            short,
        )  # fmt: skip
