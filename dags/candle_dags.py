"""The Airflow DAGs of all pipelines in include/candle_ingest.yaml."""

from candle_ingest.dag_factory import build_dags
from candle_ingest.settings import load_pipelines

for pipeline in load_pipelines().values():
    for dag in build_dags(pipeline):
        globals()[dag.dag_id] = dag
