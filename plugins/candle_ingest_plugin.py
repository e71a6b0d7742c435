"""The Airflow plugin: lets tasks start fast.

What the tasks import costs three seconds of CPU, two of them ccxt. The scheduler and Celery workers load plugins
before they fork the processes that run tasks: imported here, it is there for all of them. No other process
pays for it.
"""

import sys

from airflow.plugins_manager import AirflowPlugin

if sys.argv[1:2] in (["scheduler"], ["celery"]):
    import candle_ingest.preload  # noqa: F401


class CandleIngestPlugin(AirflowPlugin):
    """Names the plugin to Airflow."""

    name = "candle_ingest"
