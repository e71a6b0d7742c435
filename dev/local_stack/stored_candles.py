"""Count the stored and the expected candles of each symbol; run as a program, print the counts as JSON.

It runs in a separate process because the package gets its connections from Airflow, and importing Airflow writes a
configuration file into AIRFLOW_HOME.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable
from dataclasses import asdict, replace

from candle_ingest.candles.dates import SKIP
from candle_ingest.candles.symbol import Symbol
from candle_ingest.candles.window import Window, format_ms, union
from candle_ingest.connections import connect_influxdb, connect_redis
from candle_ingest.errors import CandleIngestError
from candle_ingest.ledger.day_records import DayRecords
from candle_ingest.ledger.merged_day import Waiting
from candle_ingest.ledger.watermarks import Watermarks, backfill_key, catch_up_key, final_key
from candle_ingest.planning.symbol_list import read_symbols
from candle_ingest.reports.unlisted import read_unlisted
from candle_ingest.settings import PipelineSettings
from candle_ingest.store.bucket import InfluxBucket
from candle_ingest.store.candle_store import CandleStore
from dev.local_stack.pipeline import default_pipeline
from dev.local_stack.report import SymbolReport

UNLISTED = "{}: too few exchanges list it; check its spelling, EXCHANGES and min_exchanges_required"


def symbol_reports(settings: PipelineSettings, window: Window) -> list[SymbolReport]:
    """Return a report of each symbol in Redis. Raises CandleIngestError if Redis or InfluxDB does not answer."""
    with connect_redis() as client:
        symbols = read_symbols(client, settings.redis_key_crypto_symbols)
        pairs = [symbol.currency_pair for symbol in symbols]
        unlisted = read_unlisted(client, settings, pairs)
    with InfluxBucket(connect_influxdb(), settings.influxdb_bucket) as bucket:
        keys = [key(symbol.ticker) for symbol in symbols for key in (backfill_key, catch_up_key, final_key)]
        watermarks = Watermarks(bucket).read(keys)
        reports = [_report(symbol, window, settings, bucket, watermarks) for symbol in symbols]
    return [_marked_unlisted(report) if report.currency_pair in unlisted else report for report in reports]


def _marked_unlisted(report: SymbolReport) -> SymbolReport:
    return replace(report, waits_for=UNLISTED.format(report.currency_pair))


def _report(
    symbol: Symbol, window: Window, settings: PipelineSettings, bucket: InfluxBucket, watermarks: dict[str, int]
) -> SymbolReport:
    timeframe = settings.timeframe
    days = DayRecords(bucket).read_merges(window, [symbol.currency_pair])
    if settings.backfill_start_date == SKIP and days:
        # Without a backfill, candles are expected from the first day that catch-up has fetched.
        window = Window(max(window.start_ms, min(day_ms for _, day_ms in days)), window.end_ms)
    stored, first_ms, last_ms = CandleStore(bucket).merged_span(symbol.currency_pair, window)
    merged = union(part for day in days.values() for part in day.merged_windows())
    accounted = sum(timeframe.slots(part.intersection(window)) for part in merged)
    return SymbolReport(
        ticker=symbol.ticker,
        currency_pair=symbol.currency_pair,
        expected_count=timeframe.slots(window),
        stored_count=stored,
        quiet_count=max(0, accounted - stored),
        missing_count=timeframe.slots(window) - max(accounted, stored),
        first_open_time_ms=first_ms,
        last_open_time_ms=last_ms,
        backfill_watermark_ms=watermarks.get(backfill_key(symbol.ticker)),
        final_watermark_ms=watermarks.get(final_key(symbol.ticker)),
        catch_up_watermark_ms=watermarks.get(catch_up_key(symbol.ticker)),
        waits_for=_waits_for(symbol, [waiting for day in days.values() for waiting in day.waiting], window),
    )


def _waits_for(symbol: Symbol, waiting: Iterable[Waiting], window: Window) -> str:
    inside = [part for part in waiting if part.window.intersection(window)]
    first = min(inside, key=lambda part: part.start_ms, default=None)
    return f"{symbol.currency_pair}, {format_ms(first.start_ms)}: {first.reason}" if first else ""


def main() -> None:
    """Print the reports of the default pipeline for a range in milliseconds; on failure, exit with one line."""
    window = Window(*(int(text) for text in sys.argv[1:3]))
    try:
        found = symbol_reports(default_pipeline(os.environ), window)
    except CandleIngestError as error:
        sys.exit(str(error))
    sys.stdout.write(json.dumps([asdict(report) for report in found]) + "\n")


if __name__ == "__main__":
    main()
