"""The Airflow DAGs of all pipelines in include/candle_ingest.yaml."""

from airflow.sdk import get_parsing_context

from candle_ingest.orchestration.factory import build_dags
from candle_ingest.pipelines import load_pipelines

# Inside a task, only the DAG that the task belongs to; otherwise all.
wanted = get_parsing_context().dag_id

for pipeline in load_pipelines().values():
    for dag in build_dags(pipeline, only=wanted):
        globals()[dag.dag_id] = dag
