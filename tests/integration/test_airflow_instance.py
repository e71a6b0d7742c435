"""The real Airflow of the integration tests: mapped tasks, backfills, clearing, logs and a clean end."""

from __future__ import annotations

import textwrap

import psutil
import pytest

from dev.local_stack.waiting import wait_until

pytestmark = pytest.mark.integration

DAG = '''
    """A throw-away airflow dag."""
    import os
    import pendulum
    from airflow.sdk import dag, get_current_context, task
    from airflow.timetables.interval import CronDataIntervalTimetable

    @dag(
        schedule=CronDataIntervalTimetable("@daily", timezone="UTC"),
        start_date=pendulum.datetime(2026, 1, 1), catchup=False, max_active_runs=2,
    )
    def mapped():
        @task(map_index_template="{{ label }}", pool="candle_ingest")
        def fetch(number):
            get_current_context()["label"] = f"number {number}"
            print("fetching", number)
            if number == 2 and not os.path.exists(os.environ["MENDED"]):
                raise ValueError("broken on purpose")
            return number

        @task(trigger_rule="all_done")
        def add(numbers):
            return sum(numbers)

        add(fetch.expand(number=[1, 2, 3]))

    mapped()
'''


@pytest.fixture
def dags_folder(tmp_path):
    folder = tmp_path / "dags"
    folder.mkdir()
    (folder / "mapped.py").write_text(textwrap.dedent(DAG))
    return folder


def test_backfill_fails_is_cleared_and_completes(make_airflow, dags_folder, tmp_path):
    mended = tmp_path / "mended"
    airflow = make_airflow({"MENDED": str(mended)}, dags_folder=dags_folder)
    airflow.backfill("mapped", "2026-01-01", "2026-01-02")
    runs = airflow.wait_for_backfill("mapped")[:2]  # unpaused, it also runs for yesterday
    assert airflow.import_errors() == {}
    assert [run["state"] for run in runs] == ["success", "success"]  # the last task ran and succeeded

    states = _fetch_states(airflow, runs[0]["dag_run_id"])
    assert states == {"number 1": "success", "number 2": "failed", "number 3": "success"}
    assert "broken on purpose" in airflow.task_log("mapped", runs[0]["dag_run_id"], "fetch", 1)

    mended.touch()
    airflow.clear_failed("mapped", "2026-01-01", "2026-01-01")
    airflow.wait_for_run("mapped", runs[0]["dag_run_id"])
    assert set(_fetch_states(airflow, runs[0]["dag_run_id"]).values()) == {"success"}
    assert "failed" in _fetch_states(airflow, runs[1]["dag_run_id"]).values()

    run_id = airflow.trigger("mapped")
    assert airflow.wait_for_run("mapped", run_id)["state"] == "success"
    wait_until(lambda: airflow.api.backfills_are_complete("mapped"), "the backfill", 60)


def test_no_process_is_left(make_airflow, dags_folder):
    airflow = make_airflow({}, dags_folder=dags_folder)
    roots = [psutil.Process(server.pid) for server in airflow.running.values()]
    family = [process for root in roots for process in [root, *root.children(recursive=True)]]
    airflow.stop()
    assert [process for process in family if process.is_running()] == []


def _fetch_states(airflow, run_id):
    instances = airflow.task_instances("mapped", run_id)
    return {row["rendered_map_index"]: row["state"] for row in instances if row["task_id"] == "fetch"}
