"""The DAGs of a pipeline. Airflow's side of the four steps: params, retries, mapping, labels."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

# Not the timetable of airflow.timetables, whose import takes longer than everything else.
from airflow.sdk import DAG, CronDataIntervalTimetable, TriggerRule, get_current_context, task
from airflow.sdk.exceptions import AirflowFailException

from candle_ingest.candles.dates import SKIP, history_start
from candle_ingest.errors import NotPlannedError, PermanentError
from candle_ingest.orchestration.alerts import failure_callback, notify
from candle_ingest.orchestration.assets import candles_asset, completed_candles
from candle_ingest.orchestration.params import dag_params, task_params
from candle_ingest.planning.run_kind import BACKFILL, CATCH_UP, REPAIR, RunKind
from candle_ingest.settings import PipelineSettings

TAG = "candle_ingest"
Params = Callable[[PipelineSettings, str], dict[str, Any]]
# Airflow requires a start date even where it has no meaning.
ANY_START = datetime(2010, 1, 1, tzinfo=UTC)


def build_dags(settings: PipelineSettings, only: str | None = None, now: datetime | None = None) -> list[DAG]:
    """Return the DAGs of a pipeline: `<name>_backfill`, `<name>_catch_up`, `<name>_repair`; or just `only`.

    Each task parses its DAG file again, and names its own DAG as `only`. `now` is for tests.
    """
    origin = history_start(settings.backfill_start_date, settings.backfill_interval, now or datetime.now(UTC))
    params = dag_params if only is None else task_params
    builders: dict[str, Callable[[], DAG]] = {
        settings.backfill_dag_id: lambda: _backfill_dag(settings, params, origin),
        settings.catch_up_dag_id: lambda: _catch_up_dag(settings, params),
        settings.repair_dag_id: lambda: _repair_dag(settings, params, origin),
    }
    return [build() for dag_id, build in builders.items() if only in (None, dag_id)]


def _backfill_dag(settings: PipelineSettings, params: Params, origin: datetime | None) -> DAG:
    dag = DAG(
        settings.backfill_dag_id,
        description=f"History of OHLCV candles since {settings.backfill_start_date}",
        # Even if the history is skipped: without a schedule, `airflow backfill create` refuses the DAG.
        schedule=CronDataIntervalTimetable(settings.backfill_interval, timezone="UTC"),
        start_date=origin or ANY_START,
        catchup=origin is not None,
        doc_md=BACKFILL_DOC,
        params=params(settings, BACKFILL.name),
        **_common(settings, BACKFILL),
    )
    return _with_steps(dag, settings, BACKFILL)


def _catch_up_dag(settings: PipelineSettings, params: Params) -> DAG:
    dag = DAG(
        settings.catch_up_dag_id,
        description="New OHLCV candles, up to now",
        schedule=CronDataIntervalTimetable(settings.catch_up_schedule, timezone="UTC"),
        start_date=ANY_START,
        catchup=False,
        # One at a time: each starts where the previous one ended.
        max_active_runs=1,
        doc_md=CATCH_UP_DOC,
        params=params(settings, CATCH_UP.name),
        **_common(settings, CATCH_UP),
    )
    return _with_steps(dag, settings, CATCH_UP)


def _repair_dag(settings: PipelineSettings, params: Params, origin: datetime | None) -> DAG:
    dag = DAG(
        settings.repair_dag_id,
        description="Requests each past day again, and retries what is open",
        schedule=CronDataIntervalTimetable(settings.repair_schedule, timezone="UTC"),
        # Backfill's watermark counts from here.
        start_date=origin or ANY_START,
        catchup=False,
        max_active_runs=1,
        doc_md=REPAIR_DOC,
        params=params(settings, REPAIR.name),
        **_common(settings, REPAIR),
    )
    return _with_steps(dag, settings, REPAIR)


def _common(settings: PipelineSettings, kind: RunKind) -> dict[str, Any]:
    return {
        "tags": [TAG, kind.name],
        "render_template_as_native_obj": False,
        "default_args": {
            "retries": settings.task_retries,
            "retry_delay": timedelta(seconds=settings.retry_delay_seconds),
            "retry_exponential_backoff": 2.0,
            "max_retry_delay": timedelta(minutes=30),
            "priority_weight": kind.priority,
            "weight_rule": "absolute",
        },
    }


def _with_steps(dag: DAG, settings: PipelineSettings, kind: RunKind) -> DAG:
    """Add read_symbols → validate_symbols → fetch_candles (mapped) → aggregate_and_write.

    The steps that return a dict set `multiple_outputs=False`, because Airflow would otherwise also store each of its
    entries, with one request each: five more for a fetch, and a thousand for a merge of a thousand symbols.
    """
    with dag:
        planned = _validate_step(settings, kind)(_read_step(settings, kind)())
        fetched = _fetch_step(settings, kind).expand_kwargs(planned)
        _merge_step(settings, kind)(planned, fetched)
    return dag


def _read_step(settings: PipelineSettings, kind: RunKind) -> Any:
    @task(on_failure_callback=failure_callback(settings.failure_notifier))
    def read_symbols() -> list[str]:
        from candle_ingest.planning import read_symbols as step

        with _errors_for_airflow():
            return step.read_symbols(_run(settings, kind))

    return read_symbols


def _validate_step(settings: PipelineSettings, kind: RunKind) -> Any:
    @task(on_failure_callback=failure_callback(settings.failure_notifier))
    def validate_symbols(tickers: list[str]) -> list[dict[str, Any]]:
        from candle_ingest.planning import validate_symbols as step
        from candle_ingest.planning.fetch_batch import split_batches

        with _errors_for_airflow():
            plan = step.validate_symbols(_run(settings, kind), tickers)
        get_current_context()["ti"].xcom_push("plan", plan.to_xcom())
        batches = split_batches(plan.batches, _most_instances(), settings.symbols_per_fetch)
        return [{"batch": batch.to_xcom()} for batch in batches]

    return validate_symbols


def _fetch_step(settings: PipelineSettings, kind: RunKind) -> Any:
    # No failure callback: if a failed fetch leaves the run incomplete, the merge reports it, once for all fetches.
    retries = settings.task_retries if kind.retries_fetches else 0

    @task(map_index_template="{{ label }}", pool=settings.pool, retries=retries, multiple_outputs=False)
    def fetch_candles(batch: dict[str, Any]) -> dict[str, Any]:
        from candle_ingest.fetching import fetch_candles as step
        from candle_ingest.planning.fetch_batch import FetchBatch

        found = FetchBatch.from_xcom(batch)
        get_current_context()["label"] = found.label
        with _errors_for_airflow():
            return step.fetch_candles(_run(settings, kind), found)

    return fetch_candles


def _merge_step(settings: PipelineSettings, kind: RunKind) -> Any:
    # The asset is an inlet so that it is registered with the DAG: two simultaneous first events would both try to
    # create it.
    @task(
        trigger_rule=TriggerRule.ALL_DONE,
        on_failure_callback=failure_callback(settings.failure_notifier),
        inlets=[candles_asset(settings)],
        outlets=[completed_candles(settings)],
        multiple_outputs=False,
    )
    def aggregate_and_write(batches: Any, summaries: Any) -> dict[str, int]:
        with _errors_for_airflow():
            facts = get_current_context()["ti"].xcom_pull(task_ids="validate_symbols", key="plan")
            if batches is None or facts is None:
                raise NotPlannedError("validate_symbols has not succeeded, so there is nothing to merge: see its log")
            return _merge(settings, _run(settings, kind), facts, batches[:], [*(summaries[:] if summaries else ())])

    return aggregate_and_write


def _merge(
    settings: PipelineSettings, run: Any, facts: dict[str, Any], batches: list[Any], summaries: list[Any]
) -> dict[str, int]:
    """Merge what the run has fetched, notify about failures, and add the events of completed days to the task."""
    from candle_ingest.merging import aggregate_and_write as step
    from candle_ingest.merging.announcements import events
    from candle_ingest.merging.send_notices import send_notices
    from candle_ingest.planning.plan import Plan

    context, plan = get_current_context(), Plan.from_xcom(facts, batches)
    try:
        written = step.aggregate_and_write(run, plan, summaries)
    finally:
        send_notices(run, partial(notify, settings.failure_notifier, context))
    for event in events(run, plan, written, _state_of_announcing_task, partial(_events_since, settings)):
        context["outlet_events"][completed_candles(settings)].add(candles_asset(settings), extra=event)
    return written


def _run(settings: PipelineSettings, kind: RunKind) -> Any:
    """Return the run that the current task belongs to."""
    import time

    from candle_ingest.candles.window import Window
    from candle_ingest.ledger.task_instance_ref import TaskInstanceRef
    from candle_ingest.planning.run import make_run

    context: Any = get_current_context()
    ti = context["ti"]
    recorder = TaskInstanceRef(dag_id=ti.dag_id, run_id=ti.run_id, map_index=ti.map_index)
    logging.getLogger("candle_ingest").setLevel(settings.verbosity)
    start, end = context.get("data_interval_start"), context.get("data_interval_end")
    interval = Window(_ms(start), _ms(end)) if start and end else None
    origin_ms = None if settings.backfill_start_date == SKIP else _ms(context["dag"].start_date)
    now_ms = int(time.time() * 1000)
    return make_run(settings, kind.name, dict(context["params"]), interval, origin_ms, now_ms, recorder, ti.try_number)


def _state_of_announcing_task(dag_id: str, run_id: str) -> str | None:
    """Return the state of another run's `aggregate_and_write`; `unknown` if that run was deleted."""
    ti: Any = get_current_context()["ti"]
    states = ti.get_task_states(dag_id=dag_id, task_ids=["aggregate_and_write"], run_ids=[run_id])
    found: str | None = states.get(run_id, {}).get("aggregate_and_write", "unknown")
    return found


def _events_since(settings: PipelineSettings, since_ms: int) -> list[dict[str, Any]]:
    """Return the events of this run from before it was cleared."""
    context: Any = get_current_context()
    # Airflow's clock may differ from this machine's.
    after = datetime.fromtimestamp(since_ms / 1000, UTC) - timedelta(hours=1)
    found = context["inlet_events"][candles_asset(settings)].after(after.isoformat())
    own = context["ti"].dag_id, context["ti"].run_id
    return [event.extra for event in found if (event.source_dag_id, event.source_run_id) == own]


def _ms(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


def _most_instances() -> int:
    from airflow.sdk.configuration import conf

    return int(conf.getint("core", "max_map_length"))


@contextmanager
def _errors_for_airflow() -> Iterator[None]:
    """Raise permanent errors as failures that Airflow does not retry."""
    try:
        yield
    except PermanentError as error:
        raise AirflowFailException(str(error)) from error


BACKFILL_DOC = """
Fetches one data interval of every symbol from every exchange, merges and writes it.

* Older ranges: `airflow backfill create --dag-id … --from-date 2025-01-01T00:00Z --to-date 2025-03-31T00:00Z`. A date
  without `Z` is midnight in Airflow's `default_timezone`; intervals are those of UTC.
* If a run has failed, clear its failed tasks. Only they and the merge run again.
* A run that is triggered by hand needs the params `start` and `end`, unless it has a logical date.
"""
CATCH_UP_DOC = """
Fetches new candles since the last run, for each symbol and exchange, merges and writes them. What is open in the last
two hours is retried, and once an hour these hours are fetched again, to include late corrections. A run that is
triggered by hand without `start` and `end` goes up to now.
"""
REPAIR_DOC = """
Requests each day again from each exchange after it is over, and retries what is open, newest days first. It also merges
what was fetched but not merged. What stays open is left to the next run.
"""
