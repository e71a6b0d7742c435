"""What the table of the local stack expects, from merged days in a real InfluxDB."""

from __future__ import annotations

import json

import pytest

from candle_ingest.candles.window import DAY_MS, MINUTE_MS, Window
from candle_ingest.connections import connect_influxdb
from candle_ingest.ledger.day_records import DayRecords
from candle_ingest.ledger.merged_day import new_merged_day
from candle_ingest.settings import PipelineSettings
from candle_ingest.store.bucket import InfluxBucket
from dev.exchange_simulator.coins import utc_ms
from dev.local_stack.stored_candles import symbol_reports

pytestmark = pytest.mark.integration
WEEK = Window(utc_ms("2026-03-01"), utc_ms("2026-03-08"))


@pytest.mark.parametrize(("since", "days"), [("skip", 2), ("2026-03-01", 7)])
def test_without_history_the_table_begins_where_catch_up_did(since, days, connections, influxdb_server, redis_server):
    redis_server.client().set("top_cryptocurrencies", json.dumps(["btcusd"]))
    bucket = influxdb_server.new_bucket("table")
    with InfluxBucket(connect_influxdb(), bucket) as opened:
        DayRecords(opened).write_merges([new_merged_day("BTC/USD", WEEK.end_ms - 2 * DAY_MS, MINUTE_MS)])
    settings = PipelineSettings(name="candle", exchanges=("kraken",), backfill_start_date=since, influxdb_bucket=bucket)
    [report] = symbol_reports(settings, WEEK)
    assert report.expected_count == days * 1440
