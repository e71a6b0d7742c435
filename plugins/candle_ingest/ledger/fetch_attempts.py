"""Record every fetch in InfluxDB, at the time at which it ended: its window, calls, number of tries and outcome.

`fetch_attempts`: tags `exchange`, `currency_pair`; fields `start_ms`, `end_ms` (the window), `expected`, `asked`
(candles not settled before), `candles`, `calls`, `duration_ms`, `try_number`, `outcome` (`ok` or `failed`), `reason`,
`corrections` (rows that were corrected, such as `1 × open time off the grid, moved to the slot that contains it`; empty
for none), `dag_id`, `run_id`, `map_index`.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from influxdb_client import Point

from candle_ingest.candles.window import Window
from candle_ingest.ledger.task_instance_ref import TaskInstanceRef
from candle_ingest.store.bucket import InfluxBucket

MEASUREMENT = "fetch_attempts"
MAX_REASON_LENGTH = 1000
_OUTCOMES = """
from(bucket: bucket)
  |> range(start: time(v: since_ns))
  |> filter(fn: (r) => r._measurement == "fetch_attempts" and r._field == "outcome")
  |> keep(columns: ["_time", "_value", "currency_pair", "exchange"])
"""
_OF_RUN = """
from(bucket: bucket)
  |> range(start: time(v: since_ns))
  |> filter(fn: (r) => r._measurement == "fetch_attempts" and r._field == "run_id" and r._value == run_id)
  |> keep(columns: ["_time", "currency_pair", "exchange"])
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchAttempt:
    """One try of one fetch. `asked` counts candles that were not settled before, `reason` says why it failed.

    `corrections` lists, in words, the rows that were corrected and how often.
    """

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
    corrections: str = ""
    ended_ns: int = 0


def record_attempts(bucket: InfluxBucket, attempts: Sequence[FetchAttempt], recorder: TaskInstanceRef) -> None:
    """Write the attempts."""
    bucket.write_points([_point(attempt, recorder) for attempt in attempts])


def _point(attempt: FetchAttempt, recorder: TaskInstanceRef) -> Point:
    point = Point(MEASUREMENT).tag("currency_pair", attempt.currency_pair).tag("exchange", attempt.exchange)
    point.field("start_ms", attempt.window.start_ms).field("end_ms", attempt.window.end_ms)
    for name in ("expected", "asked", "candles", "calls", "duration_ms", "try_number"):
        point.field(name, getattr(attempt, name))
    point.field("outcome", "failed" if attempt.reason else "ok").field("reason", attempt.reason[:MAX_REASON_LENGTH])
    point.field("corrections", attempt.corrections[:MAX_REASON_LENGTH])
    for name, value in asdict(recorder).items():
        point.field(name, value)
    return point.time(attempt.ended_ns)


def answered_pairs(bucket: InfluxBucket, recorder: TaskInstanceRef, since_ns: int) -> set[tuple[str, str]]:
    """Return the (pair, exchange) keys whose last attempt in the run of `recorder`, since `since_ns`, succeeded."""
    params = {"run_id": recorder.run_id, "since_ns": since_ns}
    own = {(row["currency_pair"], row["exchange"], row["_time"]) for row in bucket.query(_OF_RUN, **params)}
    rows = bucket.query(_OUTCOMES, since_ns=since_ns)
    last = {
        (row["currency_pair"], row["exchange"]): row["_value"]
        for row in sorted(rows, key=lambda row: row["_time"])
        if (row["currency_pair"], row["exchange"], row["_time"]) in own
    }
    return {key for key, outcome in last.items() if outcome == "ok"}
