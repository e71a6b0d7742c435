"""The summary of a pipeline, from records in a real InfluxDB."""

from __future__ import annotations

from dataclasses import replace

import pytest

from candle_ingest.candles.symbol import parse_symbol
from candle_ingest.candles.window import DAY_MS, MINUTE_MS
from candle_ingest.connections import connect_influxdb
from candle_ingest.ledger.day_record import ClosingRule, new_day_record
from candle_ingest.ledger.day_records import DayRecords
from candle_ingest.ledger.merge_day import new_merge_day
from candle_ingest.reports.summary import read_summary
from candle_ingest.settings import PipelineSettings
from candle_ingest.store.bucket import InfluxBucket
from dev.exchange_simulator.coins import utc_ms

pytestmark = pytest.mark.integration
PAIR, EXCHANGE = "BTC/USD", "kraken"
OLD_MS, NEW_MS = utc_ms("2026-03-03"), utc_ms("2026-03-09")
NOW_MS = utc_ms("2026-03-11")


def days_of_holes(bucket: InfluxBucket, since: str) -> list[int]:
    settings = PipelineSettings(
        name="candle", exchanges=(EXCHANGE,), backfill_start_date=since, influxdb_bucket=bucket.name
    )
    return sorted(hole.day_ms for hole in read_summary(bucket, settings, [parse_symbol(PAIR)], NOW_MS).holes)


def test_what_an_earlier_longer_history_left_open_is_no_hole(connections, influxdb_server):
    records = [new_day_record(PAIR, EXCHANGE, day_ms, MINUTE_MS) for day_ms in (OLD_MS, NEW_MS)]
    merges = [replace(new_merge_day(PAIR, r.day_ms, MINUTE_MS), counts=r.counts(), exchanges=1) for r in records]
    with InfluxBucket(connect_influxdb(), influxdb_server.new_bucket("summary")) as bucket:
        DayRecords(bucket).write((record, ClosingRule(DAY_MS)) for record in records)
        DayRecords(bucket).write_merges(merges)
        assert days_of_holes(bucket, since="2026-03-01") == [OLD_MS, NEW_MS]
        assert days_of_holes(bucket, since="2026-03-08") == [NEW_MS]
