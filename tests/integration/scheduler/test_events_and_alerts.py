"""Under the real Airflow: a complete interval starts another DAG, one that is not complete tells the notifier."""

from __future__ import annotations

import json
from datetime import date, timedelta

import pytest

from tests.integration.scheduler.pipelines import CONSUMER, REFUSED

pytestmark = pytest.mark.integration


def run_day(airflow, day: str, **params) -> dict:
    conf = {"start": f"{day}T00:00Z", "end": (date.fromisoformat(day) + timedelta(days=1)).isoformat(), **params}
    run_id = airflow.trigger("candle_backfill", conf=conf, logical_date=None)
    return airflow.wait_for_run("candle_backfill", run_id)


def reported(airflow, count: int) -> list[dict]:
    """Return the events of March that the example has logged, once there are `count` of them."""

    def events() -> list[dict]:
        runs = [run for run in airflow.runs(CONSUMER) if run["state"] == "success"]
        logs = [airflow.task_log(CONSUMER, run["dag_run_id"], "report") for run in runs]
        texts = [line.split("Complete: ")[1] for log in logs for line in complete(log)]
        found = [json.JSONDecoder().raw_decode(text)[0] for text in texts]
        # The newest interval runs by itself as soon as the DAG is unpaused.
        return [event for event in found if event["start"].startswith("2026-03")]

    airflow.wait_until(lambda: len(events()) >= count, f"{count} events", 300)
    return sorted(events(), key=lambda event: event["start"])


def sentences(told, day: str) -> list[str]:
    """Return what the notifier was told about that day; the newest interval, which runs by itself, is not in March."""
    return [line for line in told.read_text().splitlines() if day in line] if told.exists() else []


def complete(log: str) -> list[str]:
    return [line for line in log.splitlines() if "Complete: " in line]


def test_a_complete_interval_gives_an_event_and_starts_the_example(airflow, told):
    # The newest interval runs by itself once the DAG is unpaused. Two events at the same moment may start one run of
    # the example, which sees one of them only (Airflow 3.3.2): wait until that run is over.
    for dag in (CONSUMER, "candle_backfill"):
        airflow.unpause(dag)
    airflow.wait_for_runs("candle_backfill")
    assert run_day(airflow, "2026-03-01")["state"] == "success"
    [event] = reported(airflow, 1)
    assert (event["pipeline"], event["kind"]) == ("candle", "backfill")
    assert (event["state"], event["start"], event["end"]) == ("final", "2026-03-01T00:00Z", "2026-03-02T00:00Z")
    [day] = event["days"]
    assert (day["pair"], day["day"], day["candles"]) == ("BTC/USD", "2026-03-01", event["candles"]["BTC/USD"])
    assert sum(count for name, count in day["quality"].items() if name.startswith("grade_")) == day["candles"]
    assert event["candles"]["BTC/USD"] == 1440
    assert sentences(told, "2026-03") == []


def test_what_is_open_gives_no_event_but_one_sentence_and_is_told_of_once_repaired(airflow, simulator, told):
    simulator.set_fault("coinbaseexchange", "status", status=REFUSED, path="BTC-USD")
    run = run_day(airflow, "2026-03-02")
    assert run["state"] == "failed"
    [sentence] = sentences(told, "2026-03-02")
    assert sentence.startswith(f"candle_backfill, run {run['dag_run_id']}: 1 symbol is not complete: BTC/USD: ")
    assert "1,440 candles are not merged, from 2026-03-02T00:00Z on: coinbaseexchange failed: " in sentence
    # Enough exchanges, but not all have answered: the run is green, and the candles are not complete.
    assert run_day(airflow, "2026-03-02", min_exchanges_required=1)["state"] == "success"
    simulator.clear_faults()
    assert run_day(airflow, "2026-03-02", run_mode="dry")["state"] == "success"
    assert run_day(airflow, "2026-03-02")["state"] == "success"
    assert [event["start"] for event in reported(airflow, 2)] == ["2026-03-01T00:00Z", "2026-03-02T00:00Z"]
    assert len(sentences(told, "2026-03-02")) == 1
