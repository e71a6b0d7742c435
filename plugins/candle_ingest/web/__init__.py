"""The page in Airflow's UI: is the data complete, right and in time, and if not, why."""
