"""The index of open work in a real Redis, rebuilt from the records in a real InfluxDB."""

from __future__ import annotations

from dataclasses import replace

import pytest

from candle_ingest.candles.window import DAY_MS, MINUTE_MS
from candle_ingest.connections import connect_influxdb, connect_redis
from candle_ingest.ledger.day_record import ClosingRule, new_day_record
from candle_ingest.ledger.day_records import DayRecords
from candle_ingest.ledger.merged_day import new_merged_day
from candle_ingest.ledger.recorded_work import DAYS_AT_A_TIME, RecordedWork
from candle_ingest.ledger.work_index import WorkIndex
from candle_ingest.store.bucket import InfluxBucket
from dev.exchange_simulator.coins import utc_ms

pytestmark = pytest.mark.integration
PAIR, EXCHANGE = "BTC/USD", "kraken"
RULE = ClosingRule(60 * MINUTE_MS)
# One day in each of three spans of a rebuild.
DAYS_MS = [utc_ms("2026-01-01") + number * (DAYS_AT_A_TIME + 1) * DAY_MS for number in range(3)]


@pytest.fixture
def bucket(connections, influxdb_server):
    with InfluxBucket(connect_influxdb(), influxdb_server.new_bucket("work")) as bucket:
        yield bucket


@pytest.fixture
def index(bucket, redis_server):
    redis_server.client().flushdb()
    with connect_redis() as client:
        yield WorkIndex(client, bucket)


def write_days(bucket: InfluxBucket, merged_up_to: int = 0) -> None:
    """Write a record of each day, answered and due; merge those before `merged_up_to`."""
    records = [replace(new_day_record(PAIR, EXCHANGE, day_ms, MINUTE_MS), answered_version=7) for day_ms in DAYS_MS]
    merges = [replace(new_merged_day(PAIR, day_ms, MINUTE_MS), version=7, method="volume") for day_ms in DAYS_MS]
    DayRecords(bucket).write((record, RULE) for record in records)
    DayRecords(bucket).write_merges(merges[:merged_up_to])


def days_due(index: WorkIndex) -> list[int]:
    return sorted(day_ms for _, _, day_ms in index.due(2**52))


def test_open_work_of_all_years_is_found_again_though_no_query_reads_them_all(index, bucket):
    write_days(bucket, merged_up_to=2)
    index.ensure()
    assert days_due(index) == DAYS_MS
    assert index.unmerged() == {(PAIR, DAYS_MS[2]): 7}


def test_a_rebuild_that_was_killed_goes_on_from_where_it_was(index, bucket, monkeypatch):
    write_days(bucket)
    due, read = RecordedWork.due, []

    def due_until_killed(self, span):
        read.append(span.start_ms)
        if len(read) == 2:
            raise KeyboardInterrupt
        return due(self, span)

    monkeypatch.setattr(RecordedWork, "due", due_until_killed)
    with pytest.raises(KeyboardInterrupt):
        index.ensure()
    index.ensure()
    assert days_due(index) == DAYS_MS
    assert read == [read[0], read[1], read[1], read[1] + DAYS_AT_A_TIME * DAY_MS]


def test_an_empty_bucket_has_no_open_work(index):
    index.ensure()
    assert (days_due(index), index.unmerged(), index.unannounced()) == ([], {}, [])


def test_days_of_all_years_that_were_merged_by_another_method_are_found(index, bucket):
    write_days(bucket, merged_up_to=3)
    index.note_other_methods("candle", "median", {PAIR})
    assert set(index.unmerged()) == {(PAIR, day_ms) for day_ms in DAYS_MS}
