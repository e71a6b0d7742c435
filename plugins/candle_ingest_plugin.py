"""The Airflow plugin: lets tasks start fast.

`import ccxt` costs two seconds of CPU. The scheduler and Celery workers load plugins before they fork the
processes that run tasks: imported here, ccxt is there for all of them. No other process pays for it.
"""

import sys

from airflow.plugins_manager import AirflowPlugin

if sys.argv[1:2] in (["scheduler"], ["celery"]):
    import ccxt  # noqa: F401


class CandleIngestPlugin(AirflowPlugin):
    """Names the plugin to Airflow."""

    name = "candle_ingest"
