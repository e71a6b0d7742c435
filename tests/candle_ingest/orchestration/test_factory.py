import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pendulum
import pytest
from airflow.sdk import TriggerRule
from airflow.serialization.encoders import coerce_to_core_timetable
from airflow.timetables.base import TimeRestriction

from candle_ingest.orchestration.factory import build_dags
from candle_ingest.planning.run_kind import BACKFILL
from candle_ingest.settings import PipelineSettings
from candle_ingest.validated_settings import with_params
from dev.local_stack.airflow_processes import AirflowProcesses
from dev.local_stack.generated_secrets import GeneratedSecrets

NOW = datetime(2026, 11, 25, 13, 7, tzinfo=UTC)
KINDS = pytest.mark.parametrize("kind", [0, 1], ids=["backfill", "catch_up"])
ALL_KINDS = pytest.mark.parametrize("kind", [0, 1, 2], ids=["backfill", "catch_up", "repair"])
STEPS = ("read_symbols", "validate_symbols", "fetch_candles", "aggregate_and_write")
# Imports the DAG folder as Airflow's DAG processor does: once as it is, then with a setting that is wrong.
IMPORT = """
import json, os, sys
from airflow.dag_processing.dagbag import DagBag

def imported():
    bag = DagBag(os.environ["AIRFLOW__CORE__DAGS_FOLDER"])
    dags = {dag_id: sorted(dag.task_ids) for dag_id, dag in bag.dags.items()}
    loaded = [name for name in sys.modules if name in ("ccxt", "numpy", "redis", "influxdb_client")]
    return {"dags": dags, "errors": list(bag.import_errors.values()), "loaded": loaded}

good = imported()
os.environ["CANDLE_INGEST_BACKFILL_START_DATE"] = "yesterday"
print(json.dumps([good, imported()]))
"""


def dags(now=NOW, **settings):
    return build_dags(PipelineSettings(**{"name": "candle", **settings}), now=now)


def test_a_task_gets_the_dag_that_it_belongs_to_and_no_other():
    settings = PipelineSettings(name="candle")
    assert [dag.dag_id for dag in build_dags(settings, only="candle_catch_up", now=NOW)] == ["candle_catch_up"]
    assert build_dags(settings, only="other_backfill", now=NOW) == []


def test_a_task_has_the_params_of_the_form_without_their_types():
    settings = PipelineSettings(name="candle", dry_run_limit=7)
    for dag in dags(dry_run_limit=7):
        [own] = build_dags(settings, only=dag.dag_id, now=NOW)
        assert own.params.dump() == dag.params.dump()
        assert all(not own.params.get_param(name).schema for name in own.params)


def test_no_task_stores_the_entries_of_its_result_separately():
    tasks = [task for dag in dags() for task in dag.tasks]
    assert len(tasks) == 3 * 4
    assert not any(task.multiple_outputs for task in tasks)


def intervals(dag, last=None):
    """Return the data interval after `last`, or the first one, as the scheduler would compute it."""
    restriction = TimeRestriction(earliest=pendulum.instance(dag.start_date), latest=None, catchup=True)
    timetable = coerce_to_core_timetable(dag.timetable)
    info = timetable.next_dagrun_info(last_automated_data_interval=last, restriction=restriction)
    return info.data_interval


@pytest.mark.parametrize(
    ("name", "dag_ids"),
    [
        ("candle", ["candle_backfill", "candle_catch_up", "candle_repair"]),
        ("hour", ["hour_backfill", "hour_catch_up", "hour_repair"]),
    ],
)
def test_a_pipeline_has_three_dags_of_its_name(name, dag_ids):
    assert [dag.dag_id for dag in dags(name=name)] == dag_ids


@ALL_KINDS
def test_a_dag_has_the_four_steps_one_after_the_other(kind):
    dag = dags()[kind]
    assert set(dag.task_ids) == set(STEPS)
    upstream = {task_id: dag.get_task(task_id).upstream_task_ids for task_id in STEPS}
    assert upstream == {
        "read_symbols": set(),
        "validate_symbols": {"read_symbols"},
        "fetch_candles": {"validate_symbols"},
        "aggregate_and_write": {"fetch_candles", "validate_symbols"},
    }


@ALL_KINDS
def test_only_the_fetch_is_mapped_and_its_instances_have_labels_and_a_pool(kind):
    dag = dags(pool="candle_ingest")[kind]
    assert [task_id for task_id in STEPS if dag.get_task(task_id).is_mapped] == ["fetch_candles"]
    assert dag.get_task("fetch_candles").map_index_template == "{{ label }}"
    assert [dag.get_task(task_id).pool for task_id in STEPS] == ["default_pool"] * 2 + ["candle_ingest", "default_pool"]


@ALL_KINDS
def test_the_merge_runs_when_all_fetches_are_done_the_others_when_all_succeeded(kind):
    rules = [dags()[kind].get_task(task_id).trigger_rule for task_id in STEPS]
    assert rules == [TriggerRule.ALL_SUCCESS] * 3 + [TriggerRule.ALL_DONE]


@KINDS
@pytest.mark.parametrize("step", STEPS)
def test_a_task_is_retried_with_exponential_backoff(kind, step):
    task = dags(task_retries=5, retry_delay_seconds=30)[kind].get_task(step)
    assert (task.retries, task.retry_delay) == (5, timedelta(seconds=30))
    # A multiplier in Airflow 3; True would be 1.
    assert float(task.retry_exponential_backoff) == 2.0
    assert timedelta(seconds=30) < task.max_retry_delay <= timedelta(hours=1)


def test_catch_up_has_priority_over_repair_and_repair_over_backfill():
    backfill, catch_up, repair = (dag.get_task("fetch_candles").priority_weight for dag in dags())
    assert catch_up > repair > backfill


def test_a_repair_leaves_what_stays_open_to_the_next_one():
    assert dags()[2].get_task("fetch_candles").retries == 0
    assert (dags()[2].catchup, dags()[2].max_active_runs) == (False, 1)


def test_a_repair_accepts_only_params_that_apply_to_it():
    known = {"symbols", "exchanges", "min_exchanges_required", "retry_unobtainable"}
    assert set(dags()[2].params) == known


def test_only_the_backfill_dag_has_catchup():
    backfill, catch_up, _ = dags()
    assert (backfill.catchup, catch_up.catchup) == (True, False)
    assert catch_up.max_active_runs == 1


@pytest.mark.parametrize(
    ("start", "interval", "first", "second"),
    [
        ("2026-11-16", "@hourly", "2026-11-16T00:00", "2026-11-16T01:00"),
        ("2026-11-16", "@daily", "2026-11-16T00:00", "2026-11-17T00:00"),
        ("2026-11-16", "@weekly", "2026-11-15T00:00", "2026-11-22T00:00"),
        ("2026-11-16", "@monthly", "2026-11-01T00:00", "2026-12-01T00:00"),
        ("2026-11-16", "0 */6 * * *", "2026-11-16T00:00", "2026-11-16T06:00"),
        ("1_year_ago", "@daily", "2025-11-01T00:00", "2025-11-02T00:00"),
    ],
)
def test_the_first_interval_of_the_backfill_has_the_start_date_and_the_next_follows(start, interval, first, second):
    backfill, _, _ = dags(backfill_start_date=start, backfill_interval=interval)
    found = intervals(backfill)
    assert (f"{found.start:%Y-%m-%dT%H:%M}", f"{found.end:%Y-%m-%dT%H:%M}") == (first, second)
    assert intervals(backfill, found).start == found.end


def test_catch_up_has_an_interval_every_five_minutes():
    first = intervals(dags()[1])
    assert first.end - first.start == timedelta(minutes=5)
    assert intervals(dags(catch_up_schedule="*/10 * * * *")[1]).end - first.start == timedelta(minutes=10)


@pytest.mark.parametrize("start", ["1_day_ago", "2_weeks_ago", "6_months_ago", "1_year_ago", "2024-01-01", "skip"])
def test_the_start_dates_do_not_move_from_one_parse_to_the_next(start):
    midnight = datetime(2026, 11, 25, tzinfo=UTC)
    of_day = [
        [dag.start_date for dag in dags(midnight + timedelta(hours=hours), backfill_start_date=start)]
        for hours in (0, 7, 23.99)
    ]
    assert of_day[0] == of_day[1] == of_day[2]


def test_skipped_history_is_not_caught_up_but_can_be_started_by_hand():
    backfill, _, _ = dags(backfill_start_date="skip")
    assert not backfill.catchup
    assert {"start", "end"} <= set(backfill.params)


@KINDS
def test_the_trigger_form_has_every_param_with_a_title_and_a_description(kind):
    params = dags()[kind].params
    assert set(params) == set(BACKFILL.params)
    for name in params:
        param = params.get_param(name)
        assert param.schema["title"]
        assert param.description


@KINDS
def test_the_form_offers_the_pipelines_own_settings(kind):
    params = dags(exchanges=("kraken", "htx"), min_exchanges_required=1, run_mode="dry", dry_run_limit=7)[kind].params
    assert params.dump() == {
        "symbols": None,
        "exchanges": ["kraken", "htx"],
        "min_exchanges_required": 1,
        "run_mode": "dry",
        "dry_run_limit": 7,
        "start": None,
        "end": None,
        "refetch": False,
    }


@KINDS
@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("symbols", ["btcusd"], "btcusd"),
        ("exchanges", ["kraken"], "kraken"),
        ("min_exchanges_required", 2, -1),
        ("run_mode", "dry", "damp"),
        ("dry_run_limit", 1, 0),
        ("start", "2026-01-01T00:00:00Z", 5),
        ("start", "2026-01-01", "2026-01-01T00:00+01:00"),
        ("start", "2026-01-01 12:30", "yesterday"),
        ("end", None, 7),
        ("refetch", True, "yes"),
    ],
)
def test_the_form_accepts_valid_params_and_nothing_else(kind, name, good, bad):
    param = dags()[kind].params.get_param(name)
    assert param.resolve(good) == good
    with pytest.raises(ValueError, match=r".+"):
        param.resolve(bad)


@ALL_KINDS
def test_no_param_is_marked_as_required_and_null_means_the_pipelines_setting(kind):
    settings = PipelineSettings(name="candle", min_exchanges_required=2)
    params = dags(min_exchanges_required=2)[kind].params
    assert all("null" in params.get_param(name).schema["type"] for name in params)
    assert all(params.get_param(name).resolve(None) is None for name in set(params) - {"run_mode"})
    assert with_params(settings, dict.fromkeys(params)) == settings


@KINDS
def test_times_are_typed_as_text_that_says_utc(kind):
    for name in ("start", "end"):
        schema = dags()[kind].params.get_param(name).schema
        assert "format" not in schema, "the form would convert it from the time zone of the UI"
        assert "UTC" in schema["title"]


@KINDS
def test_the_run_mode_is_chosen_from_a_list(kind):
    assert dags()[kind].params.get_param("run_mode").schema["enum"] == ["wet", "dry"]


@pytest.fixture(scope="module")
def imports(tmp_path_factory):
    home = tmp_path_factory.mktemp("airflow")
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("CANDLE_INGEST_")}
    airflow = AirflowProcesses(
        home=home,
        port=1,
        database_url="postgresql+psycopg2://nobody@127.0.0.1:1/none",  # imports need no database
        secrets=GeneratedSecrets.generate(),
        inherited=inherited,
    )
    done = subprocess.run(
        [sys.executable, "-c", IMPORT], env=airflow.environment, cwd=home, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_airflow_imports_all_dags_of_the_repository(imports):
    assert imports[0]["errors"] == []
    assert imports[0]["dags"] == {
        dag_id: sorted(STEPS) for dag_id in ("candle_backfill", "candle_catch_up", "candle_repair")
    }


def test_importing_the_dags_loads_no_client_library(imports):
    assert imports[0]["loaded"] == []


def test_a_wrong_setting_is_one_import_error_that_says_what_is_allowed(imports):
    assert imports[1]["dags"] == {}
    (error,) = imports[1]["errors"]
    last = error.strip().splitlines()[-1]
    assert "pipeline candle: backfill_start_date is 'yesterday'" in last
    assert "allowed is YYYY-MM-DD, N_days_ago" in last
