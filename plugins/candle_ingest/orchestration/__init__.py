"""The DAGs: the only folder that knows Airflow's DAG classes."""
