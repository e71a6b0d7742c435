"""`status`: how far a pipeline is, as text, JSON and exit status."""

from __future__ import annotations

import json
import subprocess

import pytest

from candle_ingest.connections import connect_influxdb
from candle_ingest.store.bucket import InfluxBucket
from candle_ingest.web import views
from tests.integration.servers.airflow_instance import REPOSITORY
from tests.integration.terminal.commands import content, rows, text
from tests.integration.terminal.day import DAY, NOW_MS, catch_up, fill

pytestmark = pytest.mark.integration


@pytest.mark.usefixtures("filled")
def test_a_pipeline_that_has_done_its_work_is_complete():
    assert rows(text("status"))["BTC/USD"][1] == "yes"
    [found] = content("status")["symbols"]
    assert found["up_to_date"]
    assert found["backfill_ms"] == DAY.end_ms - 60_000
    assert found["catch_up_ms"] + 60_000 == found["merged_up_to_ms"]
    assert NOW_MS - found["merged_up_to_ms"] < 60_000


def test_without_its_history_a_pipeline_is_not_complete(settings):
    catch_up(settings)
    [found] = content("status", status=1)["symbols"]
    assert (found["up_to_date"], found["merged_up_to_ms"], found["state"]) == (False, None, "on time")
    assert rows(text("status", status=1))["BTC/USD"][1] == "no"


@pytest.mark.parametrize(
    "series", ["day_records,currency_pair=ETH/USD,exchange=binance", "merge_days,currency_pair=ETH/USD"]
)
def test_one_unreadable_record_hides_no_other_symbol(settings, redis_server, series):
    fill(settings)
    redis_server.client().set("top_cryptocurrencies", json.dumps(["btcusd", "ethusd"]))
    write_unreadable(settings.influxdb_bucket, series)
    output = text("status", status=1)
    assert rows(output)["BTC/USD"][1] == "yes"
    assert rows(output)["ETH/USD"][1] == "no"
    assert f"the point of {series.partition(',')[0]} is not the record of a" in output
    assert "[record-unreadable]" in output
    answer = content("status", status=1)
    assert [found["up_to_date"] for found in answer["symbols"]] == [True, False]
    shown = views.holes(settings, 7, NOW_MS)
    assert list(shown["unreadable"]) == (["ETH/USD"] if series.startswith("day_records") else [])


def write_unreadable(name, series):
    with InfluxBucket(connect_influxdb(), name) as bucket:
        bucket.write_lines([f'{series} record="{{}}",failed=5i {DAY.start_ms}'])
        # A hole of the day is what makes the summary read its records.
        bucket.write_lines([f"merge_days,currency_pair=ETH/USD failed=5i {DAY.start_ms}"])
        watermark = "processing_state,service_identifier=candle_ingestor,key=ethusd-backfill"
        bucket.write_lines([f"{watermark} last_processed_timestamp_ms={DAY.start_ms - 60_000}i {NOW_MS}"])


def test_a_program_that_asks_gets_the_answer_and_nothing_else(settings):
    command = [REPOSITORY / "bin" / "candle-ingest", "status", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (1, "")
    assert [symbol["ticker"] for symbol in json.loads(done.stdout)["symbols"]] == ["btcusd"]
