"""Send metrics where Airflow's own go: to StatsD or OpenTelemetry, as set in its section [metrics]; else nowhere."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from airflow.sdk.observability import stats

from candle_ingest.metrics.catalogue import Metric


def count(metric: Metric, number: int = 1, **tags: str) -> None:
    """Add to a counter."""
    stats.incr(metric.name, number, tags=tags)


def gauge(metric: Metric, value: float, **tags: str) -> None:
    """Set a gauge."""
    stats.gauge(metric.name, value, tags=tags)


@contextmanager
def timed(success: Metric, **tags: str) -> Iterator[None]:
    """Send how long the block took, in milliseconds, unless it raises."""
    began = time.monotonic()
    yield
    stats.timing(success.name, (time.monotonic() - began) * 1000, tags=tags)
