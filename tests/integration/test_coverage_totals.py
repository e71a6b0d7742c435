"""Coverage added up over years, from merged days in a real InfluxDB."""

from __future__ import annotations

from dataclasses import replace

import pytest

from candle_ingest.candles.timeframe import Timeframe
from candle_ingest.candles.window import DAY_MS, MINUTE_MS, Window
from candle_ingest.connections import connect_influxdb
from candle_ingest.ledger.day_record import RecordState
from candle_ingest.ledger.day_records import DayRecords
from candle_ingest.ledger.merged_day import new_merged_day
from candle_ingest.ledger.minute_state import CoverageCounts
from candle_ingest.reports.coverage_totals import DAYS_AT_A_TIME, read_pair_totals
from candle_ingest.reports.expected_coverage import ExpectedCoverage
from candle_ingest.store.bucket import InfluxBucket
from dev.exchange_simulator.coins import utc_ms

pytestmark = pytest.mark.integration
PAIR = "BTC/USD"
YEARS = Window(utc_ms("2024-01-01"), utc_ms("2026-01-01"))
# The first and last day of what is read in one query, and one far later.
DAYS_MS = [YEARS.start_ms + number * DAY_MS for number in (DAYS_AT_A_TIME - 1, DAYS_AT_A_TIME, 700)]


def test_each_day_of_years_counts_once(connections, influxdb_server):
    whole = CoverageCounts(expected=1440, present=1440)
    days = [
        replace(new_merged_day(PAIR, day_ms, MINUTE_MS), state=RecordState.FINAL, counts=whole) for day_ms in DAYS_MS
    ]
    expected = ExpectedCoverage(exchanges=("kraken",), timeframe=Timeframe(1), until_ms=YEARS.end_ms)
    with InfluxBucket(connect_influxdb(), influxdb_server.new_bucket("years")) as bucket:
        DayRecords(bucket).write_merges(days)
        [total] = read_pair_totals(bucket, YEARS, [PAIR], expected)
    assert (total.final_days, total.counts.present) == (3, 3 * 1440)
    assert total.counts.not_asked == expected.slots_by_now(YEARS) - 3 * 1440
