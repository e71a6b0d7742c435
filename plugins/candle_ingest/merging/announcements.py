"""Which final days are to be announced, and the event that does it: each day once, and none early."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from candle_ingest.candles.window import DAY_MS, Window, format_ms
from candle_ingest.connections import RedisClient, connect_influxdb, connect_redis
from candle_ingest.ledger.day_record import RecordState
from candle_ingest.ledger.day_records import DayRecords
from candle_ingest.ledger.merge_day import MergeDay
from candle_ingest.ledger.work_index import PairDay, WorkIndex
from candle_ingest.planning.plan import Plan
from candle_ingest.planning.run import Run
from candle_ingest.store.bucket import InfluxBucket

FINAL, PROVISIONAL = "final", "provisional"
# What is left is announced by the next run: an event is kept in Airflow's database.
MOST_DAYS = 2_000
Event = dict[str, Any]


def events(run: Run, plan: Plan, written: Mapping[str, int]) -> list[Event]:
    """Return what the run announces, and note that it did: call it last, when nothing of the run can fail any more.

    The kind `final` has the days of pairs that have become final and were not announced yet: `days` of
    `{pair, day, candles}`, `start` and `end` around them, `candles` by pair. The kind `provisional` has the candles
    that catch-up has merged of a day that is not over.
    """
    if run.dry:
        return []
    found = []
    with connect_redis() as client, InfluxBucket(connect_influxdb(), run.settings.influxdb_bucket) as bucket:
        days = _Announcer(run, bucket, client).take()
    if days:
        found.append(_final_event(run, days))
    if run.kind.is_urgent and written and not plan.left_out:
        found.append({**_head(run, PROVISIONAL), "candles": dict(written)})
    return found


def _head(run: Run, what: str) -> Event:
    return {"pipeline": run.settings.name, "kind": run.kind.name, "state": what}


def _final_event(run: Run, days: Sequence[MergeDay]) -> Event:
    candles: dict[str, int] = {}
    for day in days:
        candles[day.currency_pair] = candles.get(day.currency_pair, 0) + day.candles
    return {
        **_head(run, FINAL),
        "start": format_ms(min(day.day_ms for day in days)),
        "end": format_ms(max(day.window.end_ms for day in days)),
        "candles": candles,
        "days": [
            {"pair": d.currency_pair, "day": format_ms(d.day_ms)[:10], "candles": d.candles}
            for d in sorted(days, key=lambda d: (d.day_ms, d.currency_pair))
        ],
    }


@dataclass
class _Announcer:
    run: Run
    bucket: InfluxBucket
    client: RedisClient

    def take(self) -> list[MergeDay]:
        """Return the final days that were not announced, and note that they are."""
        index, records = WorkIndex(self.client, self.bucket), DayRecords(self.bucket)
        waiting = sorted(index.unannounced(), key=lambda key: key[1])[:MOST_DAYS]
        final = [day for day in self._days(records, waiting) if day.state == RecordState.FINAL and not day.announced]
        records.write_merges(replace(day, announced=True) for day in final)
        index.announced(waiting)
        return final

    @staticmethod
    def _days(records: DayRecords, waiting: Sequence[PairDay]) -> list[MergeDay]:
        found: list[MergeDay] = []
        for day_ms in sorted({day_ms for _, day_ms in waiting}):
            pairs = {pair for pair, own_ms in waiting if own_ms == day_ms}
            found += records.read_merges(Window(day_ms, day_ms + DAY_MS), pairs).values()
        return found
