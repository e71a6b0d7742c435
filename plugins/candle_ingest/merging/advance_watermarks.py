"""Moves the watermarks of symbols whose candles are written."""

import time
from collections.abc import Callable, Mapping, Sequence

from candle_ingest import metrics
from candle_ingest.candles.window import Window, contiguous_end_ms
from candle_ingest.connections import connect_redis
from candle_ingest.ledger.merge_ledger import MergeLedger
from candle_ingest.ledger.watermarks import (
    GLOBAL_STATUS,
    Watermarks,
    backfill_key,
    catch_up_key,
    latest_key,
    watermark_lock,
)
from candle_ingest.metric_catalogue import LAG
from candle_ingest.planning.merge_job import MergeJob
from candle_ingest.planning.run import BACKFILL, CATCH_UP, REPAIR, Run
from candle_ingest.store.bucket import InfluxBucket

KEYS = {
    BACKFILL: (backfill_key,),
    CATCH_UP: (catch_up_key,),
    # What a repair fills may be what either of the others waited for.
    REPAIR: (backfill_key, catch_up_key),
}


def advance_watermarks(run: Run, written: Sequence[tuple[MergeJob, Window]], bucket: InfluxBucket) -> None:
    """Move each watermark to the last candle before the first hole, never back.

    `written` holds what this run has merged. Where there is no watermark yet, backfill counts from where its
    history begins, catch-up from where it began itself; a run by hand with a start of its own makes no first
    watermark.
    """
    if not written:
        return
    watermarks, ledger = Watermarks(bucket), MergeLedger(bucket, run.bar_ms)
    keys = {(job.ticker, job.currency_pair): KEYS[run.kind] for job, _ in written}
    known = watermarks.read([key_of(ticker) for (ticker, _), keys_of in keys.items() for key_of in keys_of])
    reached: dict[str, int] = {}
    for job, window in written:
        for key_of in KEYS[run.kind]:
            begin_ms = _begin_ms(run, key_of, known.get(key_of(job.ticker)), window)
            if begin_ms is None:
                continue
            merges = ledger.merges(Window(begin_ms, max(begin_ms, run.now_ms)), job.currency_pair)
            end_ms = contiguous_end_ms(begin_ms, [merge.window for merge in merges])
            if end_ms > begin_ms:
                reached[key_of(job.ticker)] = end_ms - run.bar_ms
    latest: dict[str, int] = {}
    for job, window in written:
        key = latest_key(job.currency_pair)
        latest[key] = max(latest.get(key, 0), window.end_ms - run.bar_ms)
    with connect_redis() as client, watermark_lock(client, bucket.name):
        watermarks.advance(reached)
        watermarks.advance(latest, GLOBAL_STATUS)
    if run.kind == CATCH_UP:
        _send_lag(run, written, {**known, **reached})


def _send_lag(run: Run, written: Sequence[tuple[MergeJob, Window]], watermarks_ms: Mapping[str, int]) -> None:
    """How late each symbol is now, by catch-up's watermark."""
    for job, _ in written:
        watermark_ms = watermarks_ms.get(catch_up_key(job.ticker))
        if watermark_ms is not None:
            lag_seconds = (time.time_ns() // 1_000_000 - watermark_ms - run.bar_ms) / 1000
            tags = {"pipeline": run.settings.name, "currency_pair": job.currency_pair}
            metrics.gauge(LAG, max(0.0, lag_seconds), **tags)


def _begin_ms(run: Run, key_of: Callable[[str], str], watermark_ms: int | None, window: Window) -> int | None:
    """Where to count from; None where this run makes no first watermark of that kind."""
    if watermark_ms is not None:
        return watermark_ms + run.bar_ms
    if run.start_ms is not None:
        return None
    if key_of is backfill_key and run.origin_ms is not None:
        return run.origin_ms
    return None if run.kind == REPAIR else window.start_ms
