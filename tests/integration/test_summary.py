"""The summary of a pipeline, from records in a real InfluxDB."""

from __future__ import annotations

from dataclasses import replace

import pytest

from candle_ingest.candles.symbol import parse_symbol
from candle_ingest.candles.timeframe import Timeframe
from candle_ingest.candles.window import DAY_MS, MINUTE_MS, Window
from candle_ingest.connections import connect_influxdb
from candle_ingest.ledger.day_record import ClosingRule, new_day_record
from candle_ingest.ledger.day_records import DayRecords
from candle_ingest.ledger.merged_day import new_merged_day
from candle_ingest.reports.completeness import follow_merged
from candle_ingest.reports.coverage_by_day import read_coverage_by_day
from candle_ingest.reports.expected_coverage import ExpectedCoverage
from candle_ingest.reports.summary import read_summary
from candle_ingest.settings import PipelineSettings
from candle_ingest.store.bucket import InfluxBucket
from dev.exchange_simulator.coins import utc_ms

pytestmark = pytest.mark.integration
PAIR, OTHER, EXCHANGE = "BTC/USD", "ETH/USD", "kraken"
OLD_MS, NEW_MS = utc_ms("2026-03-03"), utc_ms("2026-03-09")
NOW_MS = utc_ms("2026-03-11")


def days_of_holes(bucket: InfluxBucket, since: str) -> list[int]:
    settings = PipelineSettings(
        name="candle", exchanges=(EXCHANGE,), backfill_start_date=since, influxdb_bucket=bucket.name
    )
    return sorted(hole.day_ms for hole in read_summary(bucket, settings, [parse_symbol(PAIR)], NOW_MS).holes)


@pytest.fixture
def two_pairs(connections, influxdb_server):
    """A bucket with a hole of each of two pairs on one day."""
    records = [new_day_record(pair, EXCHANGE, NEW_MS, MINUTE_MS) for pair in (PAIR, OTHER)]
    merges = [
        replace(new_merged_day(r.currency_pair, NEW_MS, MINUTE_MS), counts=r.counts(), exchanges=1) for r in records
    ]
    with InfluxBucket(connect_influxdb(), influxdb_server.new_bucket("summary")) as bucket:
        DayRecords(bucket).write((record, ClosingRule(DAY_MS)) for record in records)
        DayRecords(bucket).write_merges(merges)
        yield bucket


def test_a_record_that_cannot_be_read_hides_no_other_hole(two_pairs):
    two_pairs.write_lines([f'day_records,currency_pair={OTHER},exchange={EXCHANGE} record="{{}}" {NEW_MS}'])
    settings = PipelineSettings(
        name="candle", exchanges=(EXCHANGE,), backfill_start_date="2026-03-08", influxdb_bucket=two_pairs.name
    )
    found = read_summary(two_pairs, settings, [parse_symbol(PAIR), parse_symbol(OTHER)], NOW_MS)
    assert [hole.currency_pair for hole in found.holes] == [PAIR]
    assert list(found.unreadable) == [OTHER]
    assert found.unreadable[OTHER].endswith("[record-unreadable]")
    assert "Records of ETH/USD cannot be read" in replace(found, never_fetched=False).sentence


def test_a_merge_that_cannot_be_read_stops_its_own_pair_only(two_pairs):
    two_pairs.write_lines([f'merge_days,currency_pair={OTHER} record="{{}}" {NEW_MS}'])
    ends, unreadable = follow_merged(two_pairs, {PAIR: NEW_MS, OTHER: NEW_MS}, NOW_MS)
    assert ends == {PAIR: NEW_MS, OTHER: NEW_MS}
    assert [*unreadable] == [OTHER]
    assert "ETH/USD, 2026-03-09T00:00:00Z: the point of merge_days is not the record" in str(unreadable[OTHER])


def test_what_an_earlier_longer_history_left_open_is_no_hole(connections, influxdb_server):
    records = [new_day_record(PAIR, EXCHANGE, day_ms, MINUTE_MS) for day_ms in (OLD_MS, NEW_MS)]
    merges = [replace(new_merged_day(PAIR, r.day_ms, MINUTE_MS), counts=r.counts(), exchanges=1) for r in records]
    with InfluxBucket(connect_influxdb(), influxdb_server.new_bucket("summary")) as bucket:
        DayRecords(bucket).write((record, ClosingRule(DAY_MS)) for record in records)
        DayRecords(bucket).write_merges(merges)
        assert days_of_holes(bucket, since="2026-03-01") == [OLD_MS, NEW_MS]
        assert days_of_holes(bucket, since="2026-03-08") == [NEW_MS]


def test_a_state_that_is_none_leaves_its_pair_out_of_the_days(two_pairs):
    two_pairs.write_lines([f'day_records,currency_pair={OTHER},exchange={EXCHANGE} state="mine" {NEW_MS}'])
    expected = ExpectedCoverage(exchanges=(EXCHANGE,), timeframe=Timeframe(1), until_ms=NOW_MS)
    days, errors = read_coverage_by_day(two_pairs, Window(NEW_MS, NEW_MS + DAY_MS), {PAIR, OTHER}, expected)
    assert [day.currency_pair for day in days] == [PAIR]
    [error] = errors
    assert "ETH/USD @ kraken, 2026-03-09T00:00:00Z: the point of day_records is not the record of a day" in error
    assert error.endswith("[record-unreadable]")
