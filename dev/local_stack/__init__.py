"""Redis, InfluxDB, Airflow and the exchange simulator on one machine, in the foreground of one terminal."""
