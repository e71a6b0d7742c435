"""A record of every fetch in InfluxDB, by the time at which it ended: when, how many calls, which try, how it went.

`fetch_attempts`: tags `exchange`, `currency_pair`; fields `start_ms`, `end_ms` (the window), `expected`, `asked`,
`candles`, `calls`, `duration_ms`, `try_number`, `outcome` (`ok` or `failed`), `reason`, `dag_id`, `run_id`,
`map_index`.
"""

import time
from dataclasses import asdict, dataclass

from influxdb_client import Point

from candle_ingest.candles.window import Window
from candle_ingest.ledger.task_instance_ref import TaskInstanceRef
from candle_ingest.store.bucket import InfluxBucket

MEASUREMENT = "fetch_attempts"
LONGEST_REASON = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchAttempt:
    """One try of one fetch. `asked` counts candles that were not settled before, `reason` says why it failed."""

    currency_pair: str
    exchange: str
    window: Window
    expected: int
    asked: int
    candles: int
    calls: int
    duration_ms: int
    try_number: int
    reason: str = ""


def record_attempt(bucket: InfluxBucket, attempt: FetchAttempt, recorder: TaskInstanceRef) -> None:
    """Write the attempt."""
    point = Point(MEASUREMENT).tag("currency_pair", attempt.currency_pair).tag("exchange", attempt.exchange)
    point.field("start_ms", attempt.window.start_ms).field("end_ms", attempt.window.end_ms)
    for name in ("expected", "asked", "candles", "calls", "duration_ms", "try_number"):
        point.field(name, getattr(attempt, name))
    point.field("outcome", "failed" if attempt.reason else "ok").field("reason", attempt.reason[:LONGEST_REASON])
    for name, value in asdict(recorder).items():
        point.field(name, value)
    bucket.write_points([point.time(time.time_ns())])
