"""Detect simulated data, so that invented prices are not mistaken for real ones."""

from candle_ingest.settings import PipelineSettings

# The local stack marks simulated data in the name of its bucket, and in the name that Airflow shows.
SIMULATED = "simulated"


def is_simulated(settings: PipelineSettings) -> bool:
    """Tell whether the name of the pipeline's bucket, or of this Airflow, says that its data is simulated."""
    # Here, so that what only prints does not import Airflow.
    from airflow.configuration import conf

    instance_name = str(conf.get("api", "instance_name", fallback="") or "")
    return any(SIMULATED in name.lower() for name in (settings.influxdb_bucket, instance_name))
