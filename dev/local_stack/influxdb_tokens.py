"""Give Airflow's tasks and the page InfluxDB tokens with the least rights needed."""

from __future__ import annotations

from collections.abc import Sequence

from candle_ingest.servers.connection_names import INFLUXDB_CONNECTION, INFLUXDB_READ_CONNECTION
from dev.local_stack.influxdb_server import InfluxdbServer
from dev.local_stack.settings_file import AirflowSettings

# By connection: the purpose of its token, and what it may do.
_TOKENS = {
    INFLUXDB_CONNECTION: ("candle-ingest: tasks", ("read", "write")),
    INFLUXDB_READ_CONNECTION: ("candle-ingest: the page", ("read",)),
}


def with_narrow_tokens(settings: AirflowSettings, server: InfluxdbServer, buckets: Sequence[str]) -> AirflowSettings:
    """Return the settings with a new token in each InfluxDB connection, for these buckets, which are created."""
    for bucket in buckets:
        server.ensure_bucket(bucket)
    for connection_id, (purpose, actions) in _TOKENS.items():
        token = server.renew_token(purpose, buckets, actions)
        settings = settings.with_connection(connection_id, extra={"token": token})
    return settings
