"""The names of the connections in Airflow, for programs that do not import Airflow."""

REDIS_CONNECTION = "redis_default"
INFLUXDB_CONNECTION = "influxdb_default"
# Optional: for the page, with a token that can only read.
INFLUXDB_READ_CONNECTION = "influxdb_read"
