"""Whether a run has left nothing open, and what it has written then."""

from collections.abc import Mapping
from typing import Any

from candle_ingest.candles.window import Window, format_ms
from candle_ingest.connections import connect_influxdb
from candle_ingest.ledger.open_minutes import OpenMinutesReader
from candle_ingest.planning.merge_job import MergeJob
from candle_ingest.planning.plan import Plan
from candle_ingest.planning.run import Run
from candle_ingest.store.bucket import InfluxBucket


def completion(run: Run, plan: Plan, written: Mapping[str, int]) -> dict[str, Any] | None:
    """What the event of a complete interval says; None where something is open, or nothing was to be done.

    `start` is the open time of the first candle, `end` the close of the last one, `candles` counts the merged ones of
    each pair. A minute is open that is not merged, or for which an exchange has no settled answer.
    """
    if run.dry or plan.left_out or not plan.merges:
        return None
    span = Window(min(job.start_ms for job in plan.merges), max(job.end_ms for job in plan.merges))
    with InfluxBucket(connect_influxdb(), run.settings.influxdb_bucket) as bucket:
        if any(_is_open(bucket, run, job) for job in plan.merges):
            return None
    return {
        "pipeline": run.settings.name,
        "kind": run.kind,
        "start": format_ms(span.start_ms),
        "end": format_ms(span.end_ms),
        "candles": dict(written),
    }


def _is_open(bucket: InfluxBucket, run: Run, job: MergeJob) -> bool:
    return bool(OpenMinutesReader(bucket, run.bar_ms, job.currency_pair, job.window).find(job.window, job.exchanges))
