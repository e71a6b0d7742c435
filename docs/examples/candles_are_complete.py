"""An example: starts when an interval of candles is complete. Copy it into dags/."""

import json
import logging

from airflow.sdk import Asset, dag, task

logger = logging.getLogger(__name__)
CANDLES = Asset(name="candle_candles", uri="influxdb://candles/candles/candle")


@dag(schedule=[CANDLES], catchup=False, tags=["example"])
def candles_are_complete() -> None:
    """One run for one or several complete intervals."""

    @task
    def report(*, triggering_asset_events=None) -> None:
        """Log what was written, interval by interval."""
        for event in triggering_asset_events[CANDLES]:
            logger.info("Complete: %s", json.dumps(event.extra))

    report()


candles_are_complete()
