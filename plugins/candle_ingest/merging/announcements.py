"""Announce final days: each day exactly once, and none early.

An event reaches Airflow only when its task succeeds. Until a later run sees that success, the days belong to the run
that sends them: its next try sends them again, and if it fails permanently, another run does. A run that has succeeded
and is then cleared finds its own events in Airflow. So a day is announced twice only if one of these happens before any
later run: the run that announced it is deleted; its event is deleted (`airflow db clean`) and it is cleared; or Redis
is emptied.
"""

import json
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from candle_ingest.candles.dates import parse_moment_ms
from candle_ingest.candles.window import DAY_MS, Window, format_ms
from candle_ingest.connections import RedisClient, connect_influxdb, connect_redis
from candle_ingest.ledger.day_record import RecordState
from candle_ingest.ledger.day_records import DayRecords
from candle_ingest.ledger.locks import held_locks
from candle_ingest.ledger.merged_day import MergedDay
from candle_ingest.ledger.work_index import PairDay, WorkIndex
from candle_ingest.planning.plan import Plan
from candle_ingest.planning.run import Run
from candle_ingest.store.bucket import InfluxBucket

logger = logging.getLogger(__name__)
FINAL, PROVISIONAL = "final", "provisional"
# At most this many in one event, which Airflow keeps in its database; the next run announces the rest.
MAX_DAYS = 2_000
# Airflow's names for the states of a task that has sent its events, and of tasks that never will.
SENT = "success"
GIVEN_UP = frozenset({"failed", "upstream_failed", "skipped", "removed", "unknown"})
Event = dict[str, Any]
# Maps DAG id and run id to the state of the announcing task; `unknown` if the run was deleted.
StateOf = Callable[[str, str], str | None]
# Returns the events of this run that Airflow has stored since a time in ms.
SentSince = Callable[[int], Iterable[Event]]


def events(run: Run, plan: Plan, written: Mapping[str, int], state_of: StateOf, sent_since: SentSince) -> list[Event]:
    """Return the events of the run. Call this last, when nothing else in the run can fail.

    An event in the state `final` has the days of pairs that have become final and were not announced yet: `days` of
    `{pair, day, candles, quality}`, the enclosing `start` and `end`, and `candles` by pair. `quality` counts the
    minutes by grade, and those with something excluded, clamped, disputed, converted or off its dollar. An event in the
    state `provisional` has the number of candles, by pair, that catch-up has merged.
    """
    if run.dry:
        return []
    found = []
    with connect_redis() as client, InfluxBucket(connect_influxdb(), run.settings.influxdb_bucket) as bucket:
        days = _Announcer(run, plan, bucket, client, state_of, sent_since).take()
    if days:
        found.append(_final_event(run, days))
    if run.kind.is_urgent and written and not plan.left_out:
        found.append({**_head(run, PROVISIONAL), "candles": dict(written)})
    return found


def _head(run: Run, what: str) -> Event:
    return {"pipeline": run.settings.name, "kind": run.kind.name, "state": what}


def _final_event(run: Run, days: Sequence[MergedDay]) -> Event:
    candles: dict[str, int] = {}
    for day in days:
        candles[day.currency_pair] = candles.get(day.currency_pair, 0) + day.candles
    return {
        **_head(run, FINAL),
        "start": format_ms(min(day.day_ms for day in days)),
        "end": format_ms(max(day.window.end_ms for day in days)),
        "candles": candles,
        "days": [
            {
                "pair": d.currency_pair,
                "day": format_ms(d.day_ms)[:10],
                "candles": d.candles,
                "quality": d.quality_counts.to_dict(),
            }
            for d in sorted(days, key=lambda d: (d.day_ms, d.currency_pair))
        ],
    }


@dataclass
class _Announcer:
    run: Run
    plan: Plan
    bucket: InfluxBucket
    client: RedisClient
    state_of: StateOf
    sent_since: SentSince

    def take(self) -> list[MergedDay]:
        """Claim for this run, and return, its pipeline's final days that no run has announced or is about to."""
        index = WorkIndex(self.client, self.bucket)
        with held_locks(self.client, [f"announce:{self.bucket.name}"]):
            busy = self._settle(index)
            pairs = index.pairs_of(self.run.settings.name) | self.plan.symbols
            own = {key for key in index.unannounced() if key[0] in pairs}
            waiting = sorted(own - busy, key=lambda key: key[1])[:MAX_DAYS]
            known, unreadable = self._days(waiting)
            final = [day for day in known if day.state == RecordState.FINAL and not day.announced]
            taken = {(day.currency_pair, day.day_ms) for day in final}
            index.remove_announced(set(waiting) - taken - unreadable)
            index.claim(taken, json.dumps([*self._own, self.run.now_ms]))
        return final

    @property
    def _own(self) -> tuple[str, str]:
        return self.run.recorder.dag_id, self.run.recorder.run_id

    def _settle(self, index: WorkIndex) -> set[PairDay]:
        """Record what earlier runs have sent; return the days that other runs have yet to send."""
        found = {day: json.loads(claim) for day, claim in index.claims().items()}
        claims = {day: (dag_id, run_id) for day, (dag_id, run_id, _) in found.items()}
        states = {run: self.state_of(*run) for run in {*claims.values()} - {self._own}}
        sent = {day for day, run in claims.items() if states.get(run, "") == SENT}
        sent |= self._sent_before([at_ms for *run, at_ms in found.values() if tuple(run) == self._own])
        DayRecords(self.bucket).write_announced(self._days(sent)[0])
        index.remove_announced(sent)
        return {day for day, run in claims.items() if run != self._own and states[run] not in (SENT, *GIVEN_UP)}

    def _sent_before(self, claimed_ms: Sequence[int]) -> set[PairDay]:
        """Return the days that this run announced before it was cleared; `claimed_ms` is when it claimed any."""
        if not claimed_ms:
            return set()
        final = [event for event in self.sent_since(min(claimed_ms)) if event["state"] == FINAL]
        return {(day["pair"], parse_moment_ms(day["day"])) for event in final for day in event["days"]}

    def _days(self, keys: Iterable[PairDay]) -> tuple[list[MergedDay], set[PairDay]]:
        """Return the merged days of these keys, and the keys whose record cannot be read."""
        by_day: dict[int, set[str]] = {}
        for pair, day_ms in keys:
            by_day.setdefault(day_ms, set()).add(pair)
        found: list[MergedDay] = []
        broken: set[PairDay] = set()
        for day_ms, pairs in sorted(by_day.items()):
            days, unreadable = DayRecords(self.bucket).read_readable_merges(Window(day_ms, day_ms + DAY_MS), pairs)
            for error in unreadable.values():
                logger.error("not announced: %s", error)
            found += days.values()
            broken |= {(pair, day_ms) for pair in unreadable}
        return found, broken
