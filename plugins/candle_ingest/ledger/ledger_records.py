"""What the ledger says of one pair, and which task said it."""

from dataclasses import dataclass

from candle_ingest.candles.window import Window
from candle_ingest.ledger.coverage import Entry
from candle_ingest.ledger.coverage_ledger import entry_of
from candle_ingest.ledger.task_instance_ref import TaskInstanceRef
from candle_ingest.store.bucket import InfluxBucket
from candle_ingest.store.flux import flux_range, from_midnight

FETCH_TASK, MERGE_TASK = "fetch_candles", "aggregate_and_write"
_READ = """
from(bucket: bucket)
  |> range(start: time(v: start_ns), stop: time(v: stop_ns))
  |> filter(fn: (r) => r._measurement == "fetch_coverage" and r.currency_pair == currency_pair)
  |> filter(fn: (r) => r._field == "end_ms" or r._field == "recorded_at_ms" or r._field == "tries"
       or r._field == "outcome" or r._field == "reason" or r._field == "dag_id" or r._field == "run_id"
       or r._field == "map_index")
  |> pivot(rowKey: ["_time"], columnKey: ["_field"], valueColumn: "_value")
  |> map(fn: (r) => ({r with time_ns: int(v: r._time)}))
"""


@dataclass(frozen=True, slots=True)
class LedgerRecord:
    """An entry of the ledger and the task instance that wrote it."""

    entry: Entry
    recorder: TaskInstanceRef

    @property
    def task_id(self) -> str:
        """The task: only fetches are mapped."""
        return MERGE_TASK if self.recorder.map_index < 0 else FETCH_TASK


def read_ledger_records(bucket: InfluxBucket, currency_pair: str, window: Window) -> list[LedgerRecord]:
    """Return what was recorded of one pair for the days that `window` touches."""
    rows = bucket.query(_READ, currency_pair=currency_pair, **flux_range(from_midnight(window)))
    return [_record(row) for row in rows]


def _record(row: dict[str, str]) -> LedgerRecord:
    map_index = int(row.get("map_index") or -1)
    return LedgerRecord(
        entry_of(row),
        TaskInstanceRef(dag_id=row.get("dag_id") or "", run_id=row.get("run_id") or "", map_index=map_index),
    )
