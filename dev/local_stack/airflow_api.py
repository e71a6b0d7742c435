"""A client of Airflow's REST API, for the local stack and the tests."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

from dev.local_stack.errors import StackAirflowError
from dev.local_stack.shortened import shortened

_TIMEOUT_SECONDS = 30
_LONG_TIMEOUT_SECONDS = 600
_PAGE_ROWS = 100
_HEALTH = "api/v2/monitor/health"
# A busy API server may answer late or with 503. Only requests that may safely be repeated are retried.
_RETRY = Retry(
    total=3, connect=0, other=0, allowed_methods=("GET", "PATCH", "PUT"), status_forcelist=(503,),
    raise_on_status=False, respect_retry_after_header=False, backoff_factor=0.5,
)  # fmt: skip

# An object from a response of the API, unchanged: its fields are documented at <address>/docs.
Row = dict[str, Any]


class AirflowApi:
    """Sign in when needed, and again when the token has expired. Safe to use from one thread only.

    A request that gets no response raises a LocalStackError that names `log`, the file with the API server's output.
    """

    def __init__(self, url: str, user: str, password: str, log: Path) -> None:
        self._url = url
        self._credentials = {"username": user, "password": password}
        self._log = log
        self._session = requests.Session()
        # Two programs on one machine need no proxy from the environment.
        self._session.trust_env = False
        self._session.mount(url, HTTPAdapter(max_retries=_RETRY))
        # Callers poll the health themselves.
        self._session.mount(f"{url}/{_HEALTH}", HTTPAdapter())

    def answers(self) -> bool:
        """Return whether the API server answers."""
        return self._health() is not None

    def is_ready(self) -> bool:
        """Return whether API server, scheduler and DAG processor all report that they are healthy."""
        health = self._health()
        parts = ("scheduler", "dag_processor")
        return health is not None and all(health[part]["status"] == "healthy" for part in parts)

    def _health(self) -> Row | None:
        try:
            answer = self._session.get(f"{self._url}/{_HEALTH}", timeout=_TIMEOUT_SECONDS)
        except (requests.ConnectionError, requests.Timeout):
            return None
        return dict(answer.json()) if answer.ok else None

    def has_dag(self, dag_id: str, parsed_since: datetime | None = None) -> bool:
        """Return whether the DAG processor has parsed this DAG, at or after `parsed_since` if that is given."""
        answer = self._request("GET", f"dags/{dag_id}")
        if not answer.ok or parsed_since is None:
            return answer.ok
        parsed = answer.json()["last_parsed_time"]
        return parsed is not None and datetime.fromisoformat(parsed) >= parsed_since

    def set_paused(self, dag_id: str, *, paused: bool) -> None:
        """Pause or unpause a DAG."""
        self._checked("PATCH", f"dags/{dag_id}", json={"is_paused": paused})

    def runs(self, dag_id: str, **query: str) -> list[Row]:
        """Return all runs of a DAG, oldest logical date first."""
        return list(self._pages(f"dags/{dag_id}/dagRuns", "dag_runs", order_by="logical_date", **query))

    def count_runs(self, dag_id: str, **query: str) -> int:
        """Return how many runs match, without fetching them."""
        return int(self._checked("GET", f"dags/{dag_id}/dagRuns", params={**query, "limit": 1})["total_entries"])

    def task_instances(self, dag_id: str, run_id: str) -> list[Row]:
        """Return all task instances of a run: `task_id`, `map_index`, `rendered_map_index`, `state`, `try_number`."""
        path = f"dags/{dag_id}/dagRuns/{run_id}/taskInstances"
        return list(self._pages(path, "task_instances", order_by="map_index"))

    def all_task_instances(self, **query: str) -> list[Row]:
        """Return the task instances of all DAGs and runs that match, such as `state="running"`."""
        return list(self._pages("dags/~/dagRuns/~/taskInstances", "task_instances", **query))

    def task_log(self, dag_id: str, run_id: str, task_id: str, map_index: int, try_number: int) -> str:
        """Return the log of one try of a task instance, one event per line."""
        path = f"dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}/logs/{try_number}"
        answer = self._checked("GET", path, params={"map_index": map_index, "full_content": "true"})
        return "\n".join(_log_line(event) for event in answer["content"])

    def task_error(self, dag_id: str, run_id: str, task_id: str, map_index: int, try_number: int) -> str:
        """Return the last error in the log of one try of a task instance, in one line; empty if there is none."""
        path = f"dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}/logs/{try_number}"
        answer = self._checked("GET", path, params={"map_index": map_index, "full_content": "true"})
        errors = [event["error_detail"] for event in answer["content"] if event and "error_detail" in event]
        details = [details[0]["exc_value"] for details in errors if details]
        return " ".join(str(details[-1]).split()) if details else ""

    def task_tries(self, dag_id: str, run_id: str, task_id: str, map_index: int) -> int:
        """Return the number of the last try of a task instance."""
        path = f"dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}"
        instance = self._checked("GET", path if map_index < 0 else f"{path}/{map_index}")
        return int(instance["try_number"])

    def backfill_size(self, body: Row) -> int:
        """Return how many runs a backfill would make."""
        answer = self._checked("POST", "backfills/dry_run", json=body, timeout=_LONG_TIMEOUT_SECONDS)
        return int(answer["total_entries"])

    def create_backfill(self, body: Row) -> None:
        """Start a backfill; a DAG can have only one at a time. All its runs exist before the API responds."""
        self._checked("POST", "backfills", json=body, timeout=_LONG_TIMEOUT_SECONDS)

    def cancel_backfills(self, dag_id: str) -> None:
        """Cancel running backfills; the runs that they have started continue."""
        for backfill in self._pages("backfills", "backfills", dag_id=dag_id):
            if backfill["completed_at"] is None:
                # A conflict means that it has ended, perhaps because the response to an earlier request was lost.
                self._checked("PUT", f"backfills/{backfill['id']}/cancel", also_accepted=(requests.codes.conflict,))

    def import_errors(self) -> dict[str, str]:
        """Return the import errors of DAG files, by file."""
        errors = self._pages("importErrors", "import_errors")
        return {error["filename"]: error["stack_trace"] for error in errors}

    def trigger(self, dag_id: str, **body: Any) -> Row:
        """Start a manual run; `body` may have conf, logical_date, data_interval_start, data_interval_end."""
        return self._checked("POST", f"dags/{dag_id}/dagRuns", json={"logical_date": None, **body})

    def clear_task(self, dag_id: str, run_id: str, task_id: str) -> None:
        """Rerun a task of a run with all its mapped instances, whatever their states."""
        body = {"dry_run": False, "dag_run_id": run_id, "task_ids": [task_id], "only_failed": False}
        self._checked("POST", f"dags/{dag_id}/clearTaskInstances", json=body)

    def delete_run(self, dag_id: str, run_id: str) -> None:
        """Delete a run that is over, with its task instances."""
        self._checked("DELETE", f"dags/{dag_id}/dagRuns/{run_id}")

    def fail_run(self, dag_id: str, run_id: str) -> None:
        """End a run: running tasks become failed, the others skipped."""
        self._checked("PATCH", f"dags/{dag_id}/dagRuns/{run_id}", json={"state": "failed"})

    def version_count(self, dag_id: str) -> int:
        """Return how many versions of a DAG there are."""
        return int(self._checked("GET", f"dags/{dag_id}/dagVersions")["total_entries"])

    def overwrite(self, kind: str, entities: list[Row]) -> None:
        """Create these `connections`, `pools` or `variables`, replacing those of the same name."""
        action = {"action": "create", "entities": entities, "action_on_existence": "overwrite"}
        results = self._checked("PATCH", kind, json={"actions": [action]})
        if errors := results["create"]["errors"]:
            raise StackAirflowError(f"Airflow refuses {kind} of airflow_settings.yaml: {errors[0]}")

    def run(self, dag_id: str, run_id: str) -> Row:
        """Return one run."""
        return self._checked("GET", f"dags/{dag_id}/dagRuns/{run_id}")

    def _pages(self, path: str, key: str, **query: str) -> Iterator[Row]:
        offset = 0
        while True:
            page = self._checked("GET", path, params={**query, "limit": _PAGE_ROWS, "offset": offset})
            yield from page[key]
            offset += _PAGE_ROWS
            if offset >= page["total_entries"]:
                return

    def _checked(self, method: str, path: str, *, also_accepted: Collection[int] = (), **arguments: Any) -> Row:
        answer = self._request(method, path, **arguments)
        if not answer.ok and answer.status_code not in also_accepted:
            text = shortened(answer.text)
            raise StackAirflowError(f"Airflow's API answers HTTP {answer.status_code} to {method} {path}: {text}")
        body: Row = answer.json() if answer.content else {}
        return body

    def _request(self, method: str, path: str, **arguments: Any) -> requests.Response:
        answer = self._send(method, f"api/v2/{path}", **arguments)
        if answer.status_code == requests.codes.unauthorized:
            self._sign_in()
            answer = self._send(method, f"api/v2/{path}", **arguments)
        return answer

    def _sign_in(self) -> None:
        answer = self._send("POST", "auth/token", json=self._credentials)
        if not answer.ok:
            raise StackAirflowError(f"Airflow refused the sign-in: HTTP {answer.status_code} {shortened(answer.text)}")
        self._session.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"

    def _send(self, method: str, path: str, **arguments: Any) -> requests.Response:
        try:
            return self._session.request(method, f"{self._url}/{path}", **{"timeout": _TIMEOUT_SECONDS, **arguments})
        except requests.RequestException as error:
            reason = getattr(error.args[0] if error.args else error, "reason", error)
            raise StackAirflowError(
                f"Airflow's API does not answer {method} {path}: {reason}. See its log: {self._log}"
            ) from error


def _log_line(event: Row | str) -> str:
    if isinstance(event, str):
        return event
    details = event.get("error_detail") or []
    errors = [f"{detail.get('exc_type')}: {detail.get('exc_value')}" for detail in details]
    return " ".join([str(event.get("level", "")).upper(), str(event.get("event", "")), *errors]).strip()
