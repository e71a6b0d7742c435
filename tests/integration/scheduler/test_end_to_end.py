"""The main job under the real Airflow scheduler: backfill, rerun, a failing exchange, clearing, catch-up by hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from candle_ingest.candles.window import DAY_MS, Window
from dev.exchange_simulator.coins import utc_ms
from tests.integration.scheduler.pipelines import BUCKET, EXCHANGES, PAIRS, REFUSED
from tests.integration.servers.airflow_instance import AirflowInstance
from tests.integration.steps import everything, merged_truth, stored, truth, watermarks, within

pytestmark = pytest.mark.integration
BACKFILL, CATCH_UP = "march_backfill", "march_catch_up"
FIRST_DAYS = Window(utc_ms("2026-03-01"), utc_ms("2026-03-03"))
BROKEN_DAY = Window(utc_ms("2026-03-11"), utc_ms("2026-03-12"))


def runs_of(airflow: AirflowInstance, window: Window) -> list[dict]:
    """Return the backfill's runs within the window: unpausing the DAG also runs the newest interval."""
    starts = [
        datetime.fromtimestamp((window.start_ms + day * DAY_MS) / 1000, UTC).date().isoformat()
        for day in range((window.end_ms - window.start_ms) // DAY_MS)
    ]
    return [run for run in airflow.runs(BACKFILL) if str(run["data_interval_start"])[:10] in starts]


def test_catch_up_by_hand_goes_up_to_now(airflow):
    """First in this file: later there is a backfill of March, from where catch-up would start."""
    conf = {"symbols": ["btcusd"], "start": (datetime.now(UTC) - timedelta(hours=2)).strftime("%Y-%m-%dT%H:%M:00Z")}
    run_id = airflow.trigger(CATCH_UP, conf=conf, logical_date=None)
    assert airflow.wait_for_run(CATCH_UP, run_id)["state"] == "success"
    airflow.pause(CATCH_UP)
    newest_ms = stored(BUCKET, "candles", "BTC/USD")[-1][0]
    assert datetime.now(UTC).timestamp() * 1000 - newest_ms < 5 * 60_000
    assert watermarks(BUCKET, "BTC_USD_latest_ingested_ts")["BTC_USD_latest_ingested_ts"] == newest_ms


def test_days_of_two_symbols_on_two_exchanges_equal_the_truth_and_stay_so(airflow):
    airflow.backfill_command(BACKFILL, "2026-03-01", "2026-03-02", max_active_runs=2)
    airflow.wait_for_backfill(BACKFILL)
    assert airflow.import_errors() == {}
    assert [run["state"] for run in runs_of(airflow, FIRST_DAYS)] == ["success"] * 2
    for pair in PAIRS.values():
        for exchange in EXCHANGES:
            rows = within(stored(BUCKET, "exchange_candles", pair, exchange), FIRST_DAYS)
            assert rows == truth(exchange, FIRST_DAYS, pair), (pair, exchange)
        assert within(stored(BUCKET, "candles", pair), FIRST_DAYS) == merged_truth(EXCHANGES, FIRST_DAYS, pair), pair
    before = everything(BUCKET, FIRST_DAYS)
    # One day of the two: it takes ten tasks.
    airflow.backfill(BACKFILL, "2026-03-02", "2026-03-02", "completed")
    airflow.wait_for_backfill(BACKFILL)
    assert everything(BUCKET, FIRST_DAYS) == before


def test_instances_are_labelled_by_symbol_and_exchange(airflow):
    run = runs_of(airflow, FIRST_DAYS)[0]
    labels = {i["rendered_map_index"] for i in airflow.task_instances(BACKFILL, run["dag_run_id"])}
    assert labels >= {f"{pair} @ {exchange}" for pair in PAIRS.values() for exchange in EXCHANGES}


def test_a_broken_exchange_fails_its_symbol_only_and_clearing_mends_it(airflow, simulator):
    simulator.set_fault("coinbaseexchange", "status", status=REFUSED, path="ETH-USD")
    airflow.backfill(BACKFILL, "2026-03-11", "2026-03-11")
    airflow.wait_for_backfill(BACKFILL)
    [run] = runs_of(airflow, BROKEN_DAY)
    assert run["state"] == "failed"
    log = airflow.task_log(BACKFILL, run["dag_run_id"], "aggregate_and_write")
    assert "ETH/USD: 1,440 candles are not merged, from 2026-03-11T00:00Z on: coinbaseexchange failed: " in log
    assert within(stored(BUCKET, "candles", "BTC/USD"), BROKEN_DAY) == merged_truth(EXCHANGES, BROKEN_DAY, "BTC/USD")
    assert within(stored(BUCKET, "candles", "ETH/USD"), BROKEN_DAY) == []

    simulator.clear_faults()
    tries = {_key(i): i["try_number"] for i in airflow.task_instances(BACKFILL, run["dag_run_id"])}
    airflow.clear_failed(BACKFILL, "2026-03-11", "2026-03-11")
    airflow.wait_for_run(BACKFILL, run["dag_run_id"])
    again = airflow.task_instances(BACKFILL, run["dag_run_id"])
    assert {i["state"] for i in again} == {"success"}
    assert sorted(label(i) for i in again if i["try_number"] > tries[_key(i)]) == [
        "ETH/USD @ coinbaseexchange",
        "aggregate_and_write",
    ]
    assert within(stored(BUCKET, "candles", "ETH/USD"), BROKEN_DAY) == merged_truth(EXCHANGES, BROKEN_DAY, "ETH/USD")


def _key(instance: dict) -> tuple:
    return instance["task_id"], instance["map_index"]


def label(instance: dict) -> str:
    return instance["rendered_map_index"] or instance["task_id"]


def test_a_backfill_by_hand_without_start_and_end_says_what_it_needs(airflow):
    run_id = airflow.trigger(BACKFILL, logical_date=None)
    assert airflow.wait_for_run(BACKFILL, run_id)["state"] == "failed"
    log = airflow.task_log(BACKFILL, run_id, "validate_symbols")
    assert "a backfill that is triggered by hand needs the params start and end" in log
