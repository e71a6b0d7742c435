"""The page in Airflow's UI: whether the data is complete, correct and on time, and if not, why."""
