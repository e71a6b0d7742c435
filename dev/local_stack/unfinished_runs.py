"""End the runs that an earlier start of the stack left unfinished, so that this one starts from a known state.

The processes that worked on it are gone, and its tasks may have read other symbols. What such a run has stored
stays: the next run of the same interval fetches only what is missing.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing

import psycopg2

from dev.local_stack.airflow_api import AirflowApi

_UNFINISHED = ("queued", "running")


def pause_all_dags(database_url: str) -> None:
    """Pause every DAG before the scheduler starts: it would continue tasks whose servers are not up yet.

    The API can't do it, as it starts at the same time.
    """
    address = database_url.replace("+psycopg2", "", 1)
    with closing(psycopg2.connect(address)) as opened, opened, opened.cursor() as cursor:
        cursor.execute("UPDATE dag SET is_paused = TRUE")


def end_unfinished_runs(api: AirflowApi, dag_ids: Sequence[str]) -> int:
    """Cancel running backfills, and fail queued and running runs of paused DAGs; return how many."""
    ended = 0
    for dag_id in dag_ids:
        api.cancel_backfills(dag_id)
        for state in _UNFINISHED:
            for run in api.runs(dag_id, state=state):
                api.fail_run(dag_id, run["dag_run_id"])
                ended += 1
    return ended
