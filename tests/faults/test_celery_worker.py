"""Kill one of two Celery workers: the integration test, with its result in the report."""

from __future__ import annotations

from tests.faults.airflow_logs import AirflowLogs
from tests.faults.report import Evidence
from tests.integration.conftest import airflow_template, influxdb_server, redis_server  # noqa: F401 - fixtures
from tests.integration.scheduler.conftest import airflow, broker, dags_folder, simulator, told  # noqa: F401 - fixtures
from tests.integration.scheduler.test_lost_worker import pytestmark  # noqa: F401 - marks this module too
from tests.integration.scheduler.test_lost_worker import (
    test_a_lost_worker_costs_time_and_nothing_else as lose_a_worker,
)


def test_a_killed_worker_of_celery(airflow, simulator, broker, evidence):  # noqa: F811
    lose_a_worker(airflow, simulator, broker)
    said = AirflowLogs(airflow.home).line("without heartbeat")
    name = "one of two Celery workers is killed with its tasks"
    # None lost, duplicated or wrong: the test has compared the candles.
    outcome = "Airflow reruns the task"
    evidence.append(Evidence(area="Airflow", name=name, injected="SIGKILL", outcome=outcome, said=said))
