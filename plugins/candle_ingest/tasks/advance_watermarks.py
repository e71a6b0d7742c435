"""Moves the watermarks of symbols whose candles are written."""

from collections.abc import Sequence

from candle_ingest.adapters.connections import connect_redis
from candle_ingest.adapters.coverage_ledger import CoverageLedger
from candle_ingest.adapters.influx_bucket import InfluxBucket
from candle_ingest.adapters.watermarks import (
    GLOBAL_STATUS,
    Watermarks,
    backfill_key,
    catch_up_key,
    latest_key,
    watermark_lock,
)
from candle_ingest.core.window import Window, contiguous_end_ms
from candle_ingest.tasks.run import BACKFILL, Run

Written = tuple[str, str, Window]


def advance_watermarks(run: Run, written: Sequence[Written], bucket: InfluxBucket) -> None:
    """Move each watermark to the last candle before the first hole, never back.

    `written` holds (ticker, currency pair, window) of what this run has merged. Where there is no watermark
    yet, backfill counts from where its history begins, catch-up from where it began itself; a run by hand
    with a start of its own makes no first watermark.
    """
    if not written:
        return
    key_of = backfill_key if run.kind == BACKFILL else catch_up_key
    watermarks, ledger = Watermarks(bucket), CoverageLedger(bucket, run.bar_ms)
    known = watermarks.read([key_of(ticker) for ticker, _, _ in written])
    reached: dict[str, int] = {}
    for ticker, pair, window in written:
        begin_ms = _begin_ms(run, known.get(key_of(ticker)), window)
        end_ms = contiguous_end_ms(begin_ms, ledger.merged(pair, Window(begin_ms, max(begin_ms, run.now_ms))))
        if end_ms > begin_ms and (run.start_ms is None or key_of(ticker) in known):
            reached[key_of(ticker)] = end_ms - run.bar_ms
    latest = {latest_key(pair): window.end_ms - run.bar_ms for _, pair, window in written}
    with connect_redis() as client, watermark_lock(client, bucket.name):
        watermarks.advance(reached)
        watermarks.advance(latest, GLOBAL_STATUS)


def _begin_ms(run: Run, watermark_ms: int | None, window: Window) -> int:
    if watermark_ms is not None:
        return watermark_ms + run.bar_ms
    if run.kind == BACKFILL and run.origin_ms is not None:
        return run.origin_ms
    return window.start_ms
