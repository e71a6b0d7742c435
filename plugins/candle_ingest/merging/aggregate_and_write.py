"""Step 4: merge what changed, write it, and move the watermarks."""

import logging
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from candle_ingest.candles.quality_codes import QualityCounts
from candle_ingest.candles.window import DAY_MS, Window, touched_days
from candle_ingest.connections import RedisClient, connect_influxdb, connect_redis
from candle_ingest.errors import IncompleteError, TemporaryError
from candle_ingest.errors.runs import MergesDelayedError
from candle_ingest.fetching.fetch_summary import Summary
from candle_ingest.ledger.day_records import DayRecords
from candle_ingest.ledger.fetch_attempts import answered_pairs
from candle_ingest.ledger.merge_method_text import merge_method_text
from candle_ingest.ledger.merge_writes import MergeWrites
from candle_ingest.ledger.minute_state import CoverageCounts
from candle_ingest.ledger.rate_pairs import possible_rate_pairs
from candle_ingest.ledger.work_index import OTHER_METHOD, PairDay, WorkIndex
from candle_ingest.merging.advance_watermarks import advance_watermarks
from candle_ingest.merging.day_merger import DayMerger
from candle_ingest.merging.day_work import DayOutcome
from candle_ingest.merging.dry_report import report_dry
from candle_ingest.merging.incomplete import Incomplete, incomplete_pairs, own_window
from candle_ingest.merging.rate_work import RateWork
from candle_ingest.merging.unfinished import record_unfinished, unfinished_batches
from candle_ingest.metrics import emit
from candle_ingest.metrics.catalogue import ACCOUNTED, CANDLES_WRITTEN, MINUTES_MARKED, SYMBOLS_SHORT, SYMBOLS_WRITTEN
from candle_ingest.planning.fetch_batch import FetchBatch
from candle_ingest.planning.other_pipelines import kept_by_others, rate_pairs_of_bucket
from candle_ingest.planning.plan import Plan
from candle_ingest.planning.run import Run
from candle_ingest.planning.run_kind import REPAIR
from candle_ingest.plurals import are, counted
from candle_ingest.store.bucket import InfluxBucket

logger = logging.getLogger(__name__)
MARKS = ("excluded", "clamped", "disputed", "converted", "depeg")
# Days of pairs that one repair merges again after the settings changed. This takes about 15 minutes.
MAX_DAYS_OF_ANOTHER_METHOD = 2_000


def aggregate_and_write(run: Run, plan: Plan, summaries: Sequence[Summary]) -> dict[str, int]:
    """Merge every slot that enough exchanges answered; return the number of merged candles by pair.

    Raises IncompleteError, naming each incomplete pair, after all others are written and their watermarks have moved;
    MergesDelayedError if a retry may help some of them. A repair run raises neither: what stays open is in the records,
    and the next repair retries it.
    """
    run = replace(run, planned_end_ms=plan.end_ms)
    if run.dry:
        counts, sentences = report_dry(run, plan, summaries)
        _raise_if_incomplete([*map(Incomplete, sentences), *map(Incomplete, plan.left_out)], counts)
        return counts
    with connect_redis() as client, InfluxBucket(connect_influxdb(), run.settings.influxdb_bucket) as bucket:
        # A run that was planned before another pipeline took a symbol over would overwrite what that one merges.
        plan = plan.without(kept_by_others(run.settings, plan.symbols, WorkIndex(client, bucket), client))
        result = _Step(run, plan, bucket, client).run_step(summaries)
    if run.kind.fails_when_incomplete:
        _raise_if_incomplete([*result.short, *map(Incomplete, plan.left_out)], result.counts)
    for one in result.short:
        logger.warning("Still open: %s", one.sentence)
    return result.counts


@dataclass
class _Result:
    counts: dict[str, int] = field(default_factory=dict)
    short: list[Incomplete] = field(default_factory=list)


@dataclass
class _Step:
    run: Run
    plan: Plan
    bucket: InfluxBucket
    client: RedisClient

    def run_step(self, summaries: Sequence[Summary]) -> _Result:
        unfinished = unfinished_batches(self.plan, summaries)
        record_unfinished(self.run, unfinished, self.bucket, self.client)
        rates = RateWork(self.run, self.plan, self.bucket, self.client, rate_pairs_of_bucket(self.run.settings))
        stale = rates.pass_on()
        outcomes = DayMerger(self.run, self.bucket, self.client).merge(rates.limited(self._days(stale)))
        rates.note_merged()
        result = _Result(counts=_counts(outcomes))
        advance_watermarks(self.run, self.plan.tickers, outcomes, self.bucket, self.client)
        result.short = self._short(outcomes, unfinished)
        self._send_metrics(outcomes, result)
        return result

    def _days(self, stale: Collection[PairDay]) -> dict[PairDay, int]:
        """Return the days to merge: those of this run's pairs and window; a repair takes all its pipeline has left.

        Days that were merged by another method are left to repair, and to backfills of them, if these have the
        settings of the pipeline: catch-up would be late.

        `stale` are the days whose rates this run has updated. The last minutes of a day determine the first rates of
        the next one, which another run may have merged already.
        """
        if self.run.kind is REPAIR:
            left = self._left_days()
            return with_new_answers(left) if self.run.has_own_method else within_budget(left)
        pairs, window = set(self.plan.pairs), self._own_days()
        own = {
            key: version
            for key, version in WorkIndex(self.client, self.bucket).unmerged().items()
            if key[0] in pairs and (key in stale or window.start_ms <= key[1] < window.end_ms)
        }
        if self.run.kind.is_urgent or self.run.has_own_method:
            own = with_new_answers(own)
        return {**self._waiting_days(), **own}

    def _left_days(self) -> dict[PairDay, int]:
        """Return what any run of the pipeline left to merge, also of symbols that are no longer in Redis."""
        settings, index = self.run.settings, WorkIndex(self.client, self.bucket)
        own = index.pairs_of(settings.name) | self.plan.symbols
        own -= possible_rate_pairs(settings) - self.plan.symbols
        if not self.run.has_own_method:
            index.note_other_methods(settings.name, merge_method_text(settings), own)
        # No answer has version 0, so removing these days from the index later removes no answer.
        abandoned = dict.fromkeys(MergeWrites(self.client, self.bucket.name).abandoned().values(), 0)
        return {key: version for key, version in {**abandoned, **index.unmerged()}.items() if key[0] in own}

    def _waiting_days(self) -> dict[PairDay, int]:
        """Return the days of a fixed window that wait for answers: this run may need fewer exchanges."""
        fixed = self.run.fixed_window()
        if fixed is None:
            return {}
        # Unreadable days are reported as incomplete.
        known, _ = DayRecords(self.bucket).read_readable_merges(touched_days(fixed), set(self.plan.pairs))
        waiting = {key: OTHER_METHOD for key, day in known.items() if day.waiting_slots}
        # If the task is killed after it has merged one with its own minimum, repair merges it again.
        WorkIndex(self.client, self.bucket).note_unmerged(waiting)
        return waiting

    def _own_days(self) -> Window:
        fixed = self.run.fixed_window()
        if fixed is not None:
            return touched_days(fixed)
        end_ms = self.run.fetch_end_ms
        return touched_days(Window(max(0, end_ms - self.run.settings.catch_up_initial_days * DAY_MS - DAY_MS), end_ms))

    def _short(self, outcomes: Sequence[DayOutcome], unfinished: Sequence[FetchBatch]) -> list[Incomplete]:
        """Return what each incomplete pair lacks."""
        found = {
            o.pair: Incomplete(f"{o.pair}: {o.error}", is_temporary=isinstance(o.error, TemporaryError))
            for o in outcomes
            if o.error is not None
        }
        if self.run.kind.fails_when_incomplete:
            found = {**incomplete_pairs(self.run, self.plan, self.bucket), **found}
        return [*found.values(), *map(Incomplete, self._failed_refetches(unfinished))]

    def _failed_refetches(self, unfinished: Iterable[FetchBatch]) -> list[str]:
        """Return a sentence for each pair whose refetch failed or was killed, even if older answers are stored."""
        if not self.run.refetch:
            return []
        answered = answered_pairs(self.bucket, self.run.recorder, (self.run.now_ms - DAY_MS) * 1_000_000)
        by_pair: dict[str, list[str]] = {}
        for batch in unfinished:
            for pair in batch.pairs:
                if (pair, batch.exchange) not in answered:
                    by_pair.setdefault(pair, []).append(batch.exchange)
        window = own_window(self.run)
        return [
            f"{pair}: the candles of {window} are those that were there before; failed: {', '.join(sorted(names))}"
            for pair, names in by_pair.items()
        ]

    def _send_metrics(self, outcomes: Sequence[DayOutcome], result: _Result) -> None:
        tags = {"pipeline": self.run.settings.name, "dag": self.run.kind.name}
        emit.count(SYMBOLS_WRITTEN, len(result.counts), **tags)
        emit.count(SYMBOLS_SHORT, len(result.short), **tags)
        emit.count(CANDLES_WRITTEN, sum(result.counts.values()), **tags)
        quality = sum((outcome.quality for outcome in outcomes), QualityCounts()).to_dict()
        for what in MARKS:
            emit.count(MINUTES_MARKED, quality[what], pipeline=self.run.settings.name, what=what)
        for pair, counts in _accounted(outcomes).items():
            if asked := counts.expected - counts.not_asked:
                share = counts.settled / asked
                emit.gauge(ACCOUNTED, share, pipeline=self.run.settings.name, currency_pair=pair)


def _accounted(outcomes: Iterable[DayOutcome]) -> dict[str, CoverageCounts]:
    """Return, by pair, the counts of the days that the run touched, up to its end, over the exchanges."""
    found: dict[str, CoverageCounts] = {}
    for outcome in outcomes:
        found[outcome.pair] = found.get(outcome.pair, CoverageCounts()) + outcome.accounted
    return found


def within_budget(days: Mapping[PairDay, int], most: int | None = None) -> dict[PairDay, int]:
    """Return all days with new answers, and the newest `most` of those that were merged by another method."""
    by_method = sorted((key for key, version in days.items() if version == OTHER_METHOD), key=lambda key: -key[1])
    chosen = set(by_method[: MAX_DAYS_OF_ANOTHER_METHOD if most is None else most])
    if left := len(by_method) - len(chosen):
        logger.info(
            "Merging %s again with the new settings; %d more are left to later repairs",
            counted(len(chosen), "day"),
            left,
        )
    return {key: version for key, version in days.items() if version != OTHER_METHOD or key in chosen}


def with_new_answers(days: Mapping[PairDay, int]) -> dict[PairDay, int]:
    """Return the days without those that were merged by another method and have no new answers."""
    return {key: version for key, version in days.items() if version != OTHER_METHOD}


def _counts(outcomes: Iterable[DayOutcome]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for outcome in outcomes:
        if outcome.windows:
            counts[outcome.pair] = counts.get(outcome.pair, 0) + outcome.candle_count
    for pair, count in counts.items():
        logger.info("Successfully processed %s candles for %s", f"{count:,}", pair)
    return counts


def _raise_if_incomplete(short: Sequence[Incomplete], written: dict[str, int]) -> None:
    if any(one.is_temporary for one in short):
        raise MergesDelayedError("\n".join(one.sentence for one in short))
    if short:
        raise IncompleteError(
            f"{are(len(short), 'symbol')} not complete:\n"
            + "\n".join(f"  {one.sentence}" for one in short)
            + f"\n{are(len(written), 'symbol')} written. Repair retries what is open by itself. To retry it at once, "
            "fix the cause and clear the failed tasks of this run (`airflow tasks clear --only-failed`).",
            [one.sentence for one in short if not one.is_reported],
        )  # fmt: skip
