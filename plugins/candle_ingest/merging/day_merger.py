"""Merge days of pairs, under a short lock for each pair: read the candles, merge, write."""

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial

from candle_ingest.candles.window import DAY_MS, Window, format_ms
from candle_ingest.connections import RedisClient
from candle_ingest.errors import CandleIngestError
from candle_ingest.errors.ledger import CandlesVanishError, LockLostError
from candle_ingest.errors.servers import RefusedLinesError
from candle_ingest.ledger.day_record import DayRecord
from candle_ingest.ledger.day_records import DayRecords, Key
from candle_ingest.ledger.locks import held_locks
from candle_ingest.ledger.merge_method_text import merge_method_text
from candle_ingest.ledger.merge_writes import MergeWrites
from candle_ingest.ledger.merged_day import MergedDay, new_merged_day
from candle_ingest.ledger.work_index import PairDay, WorkIndex
from candle_ingest.merging.day_output import DayOutput
from candle_ingest.merging.day_rates import DayRates
from candle_ingest.merging.day_work import DayOutcome, DayWork, fail, guarded
from candle_ingest.merging.identity_check import IdentityCheck
from candle_ingest.merging.merge_day import merge_day, not_final, windows_to_merge
from candle_ingest.merging.retry_lost_candles import retry_lost_candles
from candle_ingest.planning.run import Run
from candle_ingest.store.bucket import InfluxBucket
from candle_ingest.store.candle_store import CandleStore
from candle_ingest.store.candles_of_pairs import CandlesOfPairs
from candle_ingest.store.rate_store import RateStore

logger = logging.getLogger(__name__)
# Pairs that are locked, read and written together.
PAIRS_AT_A_TIME = 25
MAX_ATTEMPTS = 5


class DayMerger:
    """Merges days of pairs with the settings of a run."""

    def __init__(self, run: Run, bucket: InfluxBucket, client: RedisClient) -> None:
        self._run = run
        self._bucket = bucket
        self._client = client
        self._records = DayRecords(bucket)
        self._identity = IdentityCheck(self._records, CandleStore(bucket))
        self._index = WorkIndex(client, bucket)
        self._output = DayOutput(bucket, self._index)
        self._writes = MergeWrites(client, bucket.name)

    def merge(self, days: Mapping[PairDay, int]) -> list[DayOutcome]:
        """Merge what changed on these days; the values are the index's versions.

        A day that fails does not stop the others: its outcome has the error. A day whose merge was killed is merged
        completely.
        """
        outcomes, abandoned = [], self._writes.abandoned()
        whole_days = set(abandoned.values())
        for day_ms, pairs in _chunks(days):
            whole = [Window(day_ms, day_ms + DAY_MS)]
            outcomes += self._merge_pairs(day_ms, pairs, {p: whole for p in pairs if (p, day_ms) in whole_days})
        done = {(o.pair, o.day_ms) for o in outcomes if o.error is None}
        settings = self._run.settings
        self._index.remove_merged({key: days[key] for key in done}, settings.name, merge_method_text(settings))
        self._writes.forget(entry for entry, key in abandoned.items() if key in done)
        return outcomes

    def _merge_pairs(
        self, day_ms: int, pairs: Sequence[str], forced: Mapping[str, Sequence[Window]]
    ) -> list[DayOutcome]:
        """Merge one day of several pairs, `forced` windows in any case; if a lock was lost, merge again."""
        names = [f"merge:{self._bucket.name}:{pair}" for pair in pairs]
        for _ in range(MAX_ATTEMPTS):
            with held_locks(self._client, names) as held:
                outcomes = self._merge_stored(day_ms, pairs, forced)
            if not held.lost:
                self._writes.end([(pair, day_ms) for pair in pairs])
                return outcomes
            logger.warning(
                "The lock of a merge was lost: merging %s of %s again", format_ms(day_ms)[:10], ", ".join(pairs)
            )
            forced = {o.pair: [*forced.get(o.pair, ()), *o.windows] for o in outcomes}
        error = LockLostError(f"the lock of a merge was lost {MAX_ATTEMPTS} times")
        return [DayOutcome(pair, day_ms, error=error) for pair in pairs]

    def _merge_stored(
        self, day_ms: int, pairs: Sequence[str], forced: Mapping[str, Sequence[Window]]
    ) -> list[DayOutcome]:
        """Merge; where candles are gone from the bucket, correct their records and merge again."""
        merged: list[DayOutcome] = []
        error: CandleIngestError = CandlesVanishError(f"candles vanished in each of {MAX_ATTEMPTS} merges of the day")
        for _ in range(MAX_ATTEMPTS):
            outcomes = self._merge_locked(day_ms, pairs, forced)
            merged += [outcome for outcome in outcomes if not outcome.lost]
            short = [outcome for outcome in outcomes if outcome.lost]
            if not short:
                return merged
            pairs = [outcome.pair for outcome in short]
            try:
                retry_lost_candles(self._run, {key for o in short for key in o.lost}, self._bucket, self._client)
            except CandleIngestError as failure:
                error = failure
                break
        return merged + [DayOutcome(pair, day_ms, error=error) for pair in pairs]

    def _merge_locked(
        self, day_ms: int, pairs: Sequence[str], forced: Mapping[str, Sequence[Window]]
    ) -> list[DayOutcome]:
        day = Window(day_ms, day_ms + DAY_MS)
        records, unreadable = self._records.read_readable(day, set(pairs))
        merges, unreadable_merges = self._records.read_readable_merges(Window(day_ms - DAY_MS, day.end_ms), set(pairs))
        unreadable = {**unreadable, **unreadable_merges}
        rates = DayRates(self._run.settings, self._records, RateStore(self._bucket), day_ms)
        rates.load(records.values())
        works = [self._work(pair, day_ms, records, merges) for pair in pairs if pair not in unreadable]
        for work in works:
            guarded([work], partial(self._plan, work, forced.get(work.pair, ()), rates))
        self._merge_all([work for work in works if work.outcome.is_to_merge])
        outcomes = [work.outcome for work in works]
        self._output.record(outcomes, filter(self._is_merged, records.values()))
        return outcomes + [_unreadable(pair, day_ms, error) for pair, error in unreadable.items()]

    def _work(
        self, pair: str, day_ms: int, records: Mapping[Key, DayRecord], merges: Mapping[PairDay, MergedDay]
    ) -> DayWork:
        own = {name: records.get((pair, name, day_ms)) for name in self._run.settings.exchange_ids}
        before = merges.get((pair, day_ms)) or self._new_day(pair, day_ms, merges.get((pair, day_ms - DAY_MS)))
        work = DayWork(DayOutcome(pair, day_ms), before, own)
        work.account(self._run.fetch_end_ms)
        return work

    def _new_day(self, pair: str, day_ms: int, day_before: MergedDay | None) -> MergedDay:
        """Return a day with nothing merged; exchanges refused the day before stay refused until they are compared."""
        day = new_merged_day(pair, day_ms, self._run.timeframe.ms)
        return replace(day, refused=day_before.refused) if day_before else day

    def _plan(self, work: DayWork, forced: Sequence[Window], rates: DayRates) -> None:
        """Decide which windows of the day are merged, and at which rates."""
        own = rates.of(work.pair, work.records, dict(work.day.refused))
        if own.lost:
            work.outcome.lost |= own.lost
            return
        checked = self._identity.checked(work.day, work.records, own)
        if checked.refused != work.day.refused:
            forced = [*forced, work.day.window]
            own = rates.of(work.pair, work.records, dict(checked.refused))
        changed = own.changed_since(work.day.rates_version)
        lost = [window for record in work.records.values() if record for window in record.lost]
        lost += own.with_lost_rates()
        work.windows = windows_to_merge(checked, work.records, self._run.settings, [*forced, *changed], lost)
        work.day, work.rates = checked, own

    def _merge_all(self, works: Sequence[DayWork]) -> None:
        """Read the candles of all, merge each, and write all at once."""
        windows = {work.pair: work.windows for work in works}
        read = partial(CandlesOfPairs, self._bucket, windows, self._run.settings.exchange_ids)
        stored = guarded(works, read)
        if stored is None:
            return
        for work in works:
            guarded([work], partial(self._merge_one, work, stored))
        done = [work for work in works if work.merged is not None]
        try:
            self._writes.begin([(work.pair, work.day.day_ms) for work in done])
            self._output.write(done)
        except RefusedLinesError:
            # Write each separately, to find the day whose lines were refused.
            for work in done:
                guarded([work], partial(self._output.write, [work]))
        except CandleIngestError as error:
            fail(done, error)

    def _is_merged(self, record: DayRecord) -> bool:
        """Tell whether the merge of its day includes the record; other exchanges' answers are left to repair."""
        return not self._run.has_own_exchanges or record.exchange in self._run.settings.exchange_ids

    def _merge_one(self, work: DayWork, stored: CandlesOfPairs) -> None:
        names = [name for name, record in work.records.items() if record and _has_candles(record, work.windows)]
        candles = stored.of(work.pair, names)
        work.note_lost(candles)
        if not work.outcome.is_to_merge:
            return
        merged = merge_day(work.day, work.records, candles, work.windows, self._run.settings, work.rates)
        work.merged = not_final(merged) if self._run.has_own_exchanges else merged


def _unreadable(pair: str, day_ms: int, error: CandleIngestError) -> DayOutcome:
    logger.error("%s", error)
    return DayOutcome(pair, day_ms, error=error)


def _has_candles(record: DayRecord, windows: Sequence[Window]) -> bool:
    return any((record.mark_array[record.place(window)] > 0).any() for window in windows)


def _chunks(days: Iterable[PairDay]) -> Iterator[tuple[int, list[str]]]:
    """Yield each day, newest first, with at most PAIRS_AT_A_TIME of its pairs."""
    by_day: dict[int, list[str]] = {}
    for pair, day_ms in days:
        by_day.setdefault(day_ms, []).append(pair)
    for day_ms, pairs in sorted(by_day.items(), reverse=True):
        ordered = sorted(pairs)
        for start in range(0, len(ordered), PAIRS_AT_A_TIME):
            yield day_ms, ordered[start : start + PAIRS_AT_A_TIME]
