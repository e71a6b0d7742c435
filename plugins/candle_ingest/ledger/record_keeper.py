"""Keep the records of days: fold looks into them, many pairs at a time, and index what is due."""

import logging
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from candle_ingest.candles.pace import Pace, pace_after, total_pace
from candle_ingest.candles.window import DAY_MS, Window, floor_ms
from candle_ingest.connections import RedisClient
from candle_ingest.errors.ledger import LockLostError, UnreadableRecordError
from candle_ingest.ledger.day_record import PROOF_WAIT_MS, ClosingRule, DayRecord, new_day_record
from candle_ingest.ledger.day_records import DayRecords, Key, raise_unreadable
from candle_ingest.ledger.fold import fold, prove
from candle_ingest.ledger.locks import held_locks
from candle_ingest.ledger.look import Look, Surroundings
from candle_ingest.ledger.lost_candles import reset_lost
from candle_ingest.ledger.minute_state import MinuteState
from candle_ingest.ledger.notices import Notices
from candle_ingest.ledger.resets import reset_not_listed, reset_unobtainable
from candle_ingest.ledger.version_clock import VersionClock
from candle_ingest.ledger.work_index import WorkIndex
from candle_ingest.servers.redis_errors import translate_redis_errors
from candle_ingest.store.bucket import InfluxBucket

logger = logging.getLogger(__name__)
MAX_ATTEMPTS = 5
SILENT_STATES = (MinuteState.QUIET, MinuteState.SILENT, MinuteState.OUTAGE)
Records = Mapping[Key, DayRecord]
Transform = Callable[[Records], dict[Key, DayRecord]]
TimesOf = Callable[[Key], NDArray[np.int64]]


@dataclass(frozen=True, slots=True)
class RecordUpdate:
    """The record of a day before and after."""

    before: DayRecord
    after: DayRecord

    def newly_unobtainable(self) -> int:
        """Count the slots that were given up by this look, or whose closing look was."""
        before, after = (one.counts().unobtainable + one.unconfirmed_slots for one in (self.before, self.after))
        return max(0, after - before)

    def needs_merge(self) -> bool:
        """Tell whether answers or the state changed, so that the day is to be merged again."""
        before, after = ((one.answered_version, one.state) for one in (self.before, self.after))
        return before != after


Updates = list[RecordUpdate]


class RecordKeeper:
    """Reads, folds and writes records under a lock per exchange, so that no answer is lost.

    `rule_of` returns the closing rule of an exchange; `give_up_ms` is how long a stretch is retried.
    """

    def __init__(
        self,
        bucket: InfluxBucket,
        client: RedisClient,
        slot_ms: int,
        rule_of: Callable[[str], ClosingRule],
        give_up_ms: int,
    ) -> None:
        self._client = client
        self._bucket = bucket
        self._records = DayRecords(bucket)
        self._index = WorkIndex(client, bucket)
        self._clock = VersionClock(client, bucket.name)
        self._notices = Notices(client, bucket.name)
        self._slot_ms = slot_ms
        self._rule_of = rule_of
        self._give_up_ms = give_up_ms

    def apply(self, exchange: str, looks: Mapping[str, Sequence[Look]]) -> Updates:
        """Fold looks of one exchange, by pair, each within one day; return the records that changed.

        Raises UnreadableRecordError, once all others are written, for pairs whose records cannot be read.
        """
        days = {floor_ms(look.window.start_ms, DAY_MS) for own in looks.values() for look in own}
        if not days:
            return []
        span = Window(max(0, min(days) - DAY_MS), max(days) + 2 * DAY_MS)
        return self._change(exchange, set(looks), span, lambda known: self._folded(exchange, looks, known))

    def prove(self, exchange: str, keys: Iterable[Key]) -> Updates:
        """Settle, without a request, records whose exchange has traded since the last quiet time of their day."""
        wanted = set(keys)
        if not wanted:
            return []
        span = Window(min(key[2] for key in wanted), max(key[2] for key in wanted) + 2 * DAY_MS)

        def proved(known: Records) -> dict[Key, DayRecord]:
            alive_ms = self._alive_ms(exchange, known, ())
            return {key: prove(known[key], alive_ms) for key in wanted if key in known}

        return self._change(exchange, {key[0] for key in wanted}, span, proved)

    def due_ms(self, exchange: str, keys: Sequence[Key], now_ms: int) -> dict[Key, int | None]:
        """Return when each record is due; one that is still due is put off for a while."""
        if not keys:
            return {}
        known, unreadable = self._records.read_readable(_span(keys), {key[0] for key in keys}, exchange)
        found: dict[Key, int | None] = {}
        for key in keys:
            due_ms = known[key].due_ms(self._rule_of(exchange)) if key in known else None
            later_ms = now_ms + PROOF_WAIT_MS
            found[key] = later_ms if key[0] in unreadable else due_ms if due_ms is None else max(due_ms, later_ms)
        return found

    def retry_unobtainable(self, exchange: str, window: Window, pairs: set[str] | None, now_ms: int) -> Updates:
        """Make given-up stretches on the days of `window` due again."""

        def reset(known: Records) -> dict[Key, DayRecord]:
            return {key: reset_unobtainable(record, now_ms) for key, record in known.items()}

        return self._change(exchange, pairs, window, reset)

    def retry_lost(self, exchange: str, keys: Collection[Key], read_times_ms: TimesOf, now_ms: int) -> Updates:
        """Make the lost candles of these records due; `read_times_ms` returns the open times of those still stored."""

        def reset(known: Records) -> dict[Key, DayRecord]:
            # The candles are read after the records, which are written after them.
            return {key: reset_lost(known[key], read_times_ms(key), now_ms) for key in keys if key in known}

        return self._change(exchange, {key[0] for key in keys}, _span(keys), reset)

    def retry_not_listed(self, exchange: str, window: Window, pair: str, first_ms: int, now_ms: int) -> Updates:
        """Make minutes due that were never requested because the exchange did not list the pair, which it now does."""

        def reset(known: Records) -> dict[Key, DayRecord]:
            return {key: reset_not_listed(record, first_ms, now_ms) for key, record in known.items()}

        return self._change(exchange, {pair}, window, reset)

    def _change(self, exchange: str, pairs: set[str] | None, span: Window, transform: Transform) -> Updates:
        """Read, transform and write; repeat from a fresh read if the lock was lost meanwhile."""
        for _ in range(MAX_ATTEMPTS):
            with held_locks(self._client, [f"records:{self._bucket.name}:{exchange}"]) as held:
                known, unreadable = self._records.read_readable(span, pairs, exchange)
                updates = [
                    RecordUpdate(known.get(key) or self._new(key), record)
                    for key, record in transform(known).items()
                    if record != known.get(key) and key[0] not in unreadable
                ]
                self._write(updates)
            if not held.lost:
                raise_unreadable(unreadable)
                return updates
            logger.warning("%s: the lock of its records was lost; they are read and written again", exchange)
        raise LockLostError(f"{exchange}: the lock of its records was lost {MAX_ATTEMPTS} times")

    def _write(self, updates: Sequence[RecordUpdate]) -> None:
        """Index the work before and after writing the record: an entry may be superfluous, but never missing."""
        after = [update.after for update in updates]
        due_ms = {_key(record): record.due_ms(self._rule_of(record.exchange)) for record in after}
        unmerged = {
            (update.after.currency_pair, update.after.day_ms): update.after.answered_version
            for update in updates
            if update.needs_merge()
        }
        self._index.note_due({key: at_ms for key, at_ms in due_ms.items() if at_ms is not None})
        self._index.note_unmerged(unmerged)
        # Before the records as well: what was recorded by a task that is killed, or loses its lock, is no longer new.
        self._notices.queue_unobtainable(update.after for update in updates if update.newly_unobtainable())
        self._notices.queue_lost((update.before, update.after) for update in updates)
        self._records.write((record, self._rule_of(record.exchange)) for record in after)
        self._index.note_due({key: None for key, at_ms in due_ms.items() if at_ms is None})
        self._index.note_unmerged(unmerged)

    def _folded(self, exchange: str, looks: Mapping[str, Sequence[Look]], known: Records) -> dict[Key, DayRecord]:
        version = self._clock.next(max((record.answered_version for record in known.values()), default=0))
        alive_ms = self._alive_ms(exchange, known, [look for own in looks.values() for look in own])
        others = self._pace_of_others(exchange, looks, known)
        folded: dict[Key, DayRecord] = {}
        for pair, own in looks.items():
            for look in sorted(own, key=lambda look: look.window):
                key = (pair, exchange, floor_ms(look.window.start_ms, DAY_MS))
                record = folded.get(key) or known.get(key) or self._new(key)
                around = self._surroundings(key, {**known, **folded}, others, alive_ms)
                folded[key] = fold(record, replace(look, version=version), around)
        return folded

    def _surroundings(self, key: Key, known: Records, others: Mapping[Key, Pace], alive_ms: int) -> Surroundings:
        pair, exchange, day_ms = key
        before, after = (known.get((pair, exchange, day_ms + offset)) for offset in (-DAY_MS, DAY_MS))
        return Surroundings(
            history=_history(before, after),
            others=others.get((pair, "", day_ms), Pace()),
            before_slots=_silent_at_end(before),
            after_slots=_silent_at_start(after),
            alive_ms=alive_ms,
            give_up_ms=self._give_up_ms,
        )

    def _alive_ms(self, exchange: str, known: Records, looks: Sequence[Look]) -> int:
        """Return the open time of the exchange's newest candle with volume that any task has seen."""
        name = f"candle_ingest:alive:{self._bucket.name}"
        with translate_redis_errors():
            shared_ms = int(self._client.hget(name, exchange) or 0)
            seen_ms = max((int(look.traded_ms[-1]) for look in looks if len(look.traded_ms)), default=0)
            stored_ms = max((record.last_traded_ms for record in known.values()), default=0)
            newest_ms = max(shared_ms, seen_ms, stored_ms)
            if newest_ms > shared_ms:
                self._client.hset(name, exchange, newest_ms)
        return newest_ms

    def _pace_of_others(self, exchange: str, looks: Mapping[str, Sequence[Look]], known: Records) -> dict[Key, Pace]:
        """Return, by pair and day, the pace of the other exchanges for pairs without their own history."""
        pairs = {
            pair
            for pair, own in looks.items()
            for look in own
            if not self._has_history(known, (pair, exchange, floor_ms(look.window.start_ms, DAY_MS)))
        }
        days = [look.window for pair in pairs for look in looks[pair]]
        if not days:
            return {}
        span = Window(min(w.start_ms for w in days), max(w.end_ms for w in days))
        found: dict[Key, list[Pace]] = {}
        # A pair with an unreadable record is treated as if the other exchanges did not have it.
        records, _ = self._records.read_readable(span, pairs)
        for (pair, other, day_ms), record in records.items():
            if other != exchange:
                found.setdefault((pair, "", day_ms), []).append(record.pace)
        return {key: total_pace(paces) for key, paces in found.items()}

    @staticmethod
    def _has_history(known: Records, key: Key) -> bool:
        pair, exchange, day_ms = key
        neighbours = [known.get((pair, exchange, day_ms + offset)) for offset in (-DAY_MS, 0, DAY_MS)]
        return any(record is not None and (record.history + record.pace).is_known for record in neighbours)

    def _new(self, key: Key) -> DayRecord:
        return new_day_record(*key, self._slot_ms)


def _span(keys: Collection[Key]) -> Window:
    """Return the days from the first to the last of these records."""
    days_ms = [day_ms for _, _, day_ms in keys]
    return Window(min(days_ms), max(days_ms) + DAY_MS)


@contextmanager
def log_unreadable() -> Iterator[None]:
    """Log UnreadableRecordError instead of raising it: it comes after all other records are written."""
    try:
        yield
    except UnreadableRecordError as error:
        logger.error("%s", error)


def _key(record: DayRecord) -> Key:
    return record.currency_pair, record.exchange, record.day_ms


def _history(before: DayRecord | None, after: DayRecord | None) -> Pace:
    """Return the market's pace on the days before or, if none is known, on the day after."""
    if before is not None:
        found = pace_after(before.history, before.pace)
        if found.is_known:
            return found
    return after.history + after.pace if after is not None else Pace()


def _silent_at_end(record: DayRecord | None) -> int:
    runs = record.windows_of(SILENT_STATES) if record else []
    return runs[-1].slots(record.slot_ms) if record and runs and runs[-1].end_ms == record.window.end_ms else 0


def _silent_at_start(record: DayRecord | None) -> int:
    runs = record.windows_of(SILENT_STATES) if record else []
    return runs[0].slots(record.slot_ms) if record and runs and runs[0].start_ms == record.day_ms else 0
