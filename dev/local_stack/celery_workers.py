"""Airflow's CeleryExecutor: two workers that take their tasks from a broker, all on one machine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

# The same number of task processes as LocalExecutor has here (its parallelism is 8), in two workers.
WORKERS = ("worker-1", "worker-2")
_TASKS_PER_WORKER = 4

# Only for the workers: without lazy loading, a worker loads plugins, and with them ccxt, once before it forks.
# Every other Airflow process would start seconds later.
WORKER_ENVIRONMENT: Mapping[str, str] = {"AIRFLOW__CORE__LAZY_LOAD_PLUGINS": "False"}


@dataclass(frozen=True, kw_only=True)
class CeleryWorkers:
    """The address of the workers' broker, which contains a password."""

    broker_url: str = field(repr=False)

    @property
    def settings(self) -> dict[str, str]:
        """Return the settings for all of Airflow's processes."""
        return {
            "AIRFLOW__CORE__EXECUTOR": "CeleryExecutor",
            "AIRFLOW__CELERY__BROKER_URL": self.broker_url,
            "AIRFLOW__CELERY__WORKER_CONCURRENCY": str(_TASKS_PER_WORKER),
            # The provider's own default, set here so that it does not warn. A shorter one would give a task that
            # runs longer than this to a second worker; Airflow itself notices tasks whose worker is gone.
            "AIRFLOW__CELERY_BROKER_TRANSPORT_OPTIONS__VISIBILITY_TIMEOUT": "86400",
        }

    @staticmethod
    def arguments(name: str) -> tuple[str, ...]:
        """Return how `airflow` is called for one worker. The API server reads the logs: they are on the same disk."""
        return ("celery", "worker", "--celery-hostname", name, "--skip-serve-logs", "--without-mingle")
