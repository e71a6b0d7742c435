"""The merges of one run, each with its account."""

import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from candle_ingest.candles.window import Window, split_days, subtract, touched_days, union
from candle_ingest.fetching.fetch_summary import Summary
from candle_ingest.ledger.coverage import FAILED, Account, Entry, settled_windows
from candle_ingest.ledger.coverage_ledger import CoverageLedger
from candle_ingest.ledger.daily_coverage import DailyCoverage
from candle_ingest.merging.merger import Merger, neighbourhood
from candle_ingest.planning.fetch_request import FetchRequest
from candle_ingest.planning.merge_job import MergeJob, Piece, answered_all, pieces
from candle_ingest.planning.plan import Plan
from candle_ingest.planning.run import REPAIR, Run
from candle_ingest.store.bucket import InfluxBucket

logger = logging.getLogger(__name__)
NO_RECORD = "its fetch ended without a word: the task was killed, or never ran"
NOT_ASKED = "its markets could not be asked for, so nor could its candles"


@dataclass
class JobOutcome:
    """What came of one job: merged candles, windows written and suspected, a sentence for each piece that is short.

    `accounts` are those of the days that it touched, for each exchange.
    """

    job: MergeJob
    candle_count: int = 0
    written: list[Window] = field(default_factory=list)
    suspected: list[Window] = field(default_factory=list)
    short: list[str] = field(default_factory=list)
    accounts: list[Account] = field(default_factory=list)


class Aggregation:
    """The merges of one run."""

    def __init__(self, run: Run, plan: Plan, summaries: Iterable[Summary], bucket: InfluxBucket) -> None:
        self._run = run
        self._minimum = plan.min_exchanges
        self._ledger = CoverageLedger(bucket, run.bar_ms, run.recorder)
        self._daily = DailyCoverage(bucket, run.bar_ms)
        self._merger = Merger(run, bucket)
        done = {(s["currency_pair"], s["exchange"], s["start_ms"]) for s in summaries}
        self._asked: dict[str, list[FetchRequest]] = {}
        self._failed: dict[str, list[FetchRequest]] = {}
        for request in plan.requests:
            self._asked.setdefault(request.currency_pair, []).append(request)
            if (request.currency_pair, request.exchange, request.start_ms) not in done:
                self._failed.setdefault(request.currency_pair, []).append(request)

    def merge(self, job: MergeJob) -> JobOutcome:
        """Merge and write what enough exchanges answered for, and add up the days that it touched."""
        outcome = JobOutcome(job)
        entries = self._complete_ledger(job)
        for piece in self._pieces(job, entries):
            self._merge_piece(piece, entries, outcome)
        self._note_refetch(outcome)
        self._account(outcome)
        return outcome

    def _complete_ledger(self, job: MergeJob) -> list[Entry]:
        """The ledger of the pair; what left no word there gets an entry that says so."""
        pair, silent = job.currency_pair, False
        around = neighbourhood(job.window, self._run.bar_ms)
        entries = self._ledger.entries(around, pair)
        for exchange, window, reason in self._without_answer(job):
            known = [entry.window for entry in entries if entry.exchange == exchange]
            if missing := subtract(window.intersection(job.window), known):
                self._ledger.record_open(pair, exchange, missing, FAILED, reason)
                silent = True
        return self._ledger.entries(around, pair) if silent else entries

    def _without_answer(self, job: MergeJob) -> Iterator[tuple[str, Window, str]]:
        """Fetches that failed, and exchanges that could not even be planned for; a repair asks only some."""
        for request in self._failed.get(job.currency_pair, ()):
            yield request.exchange, request.window, NO_RECORD
        asked = {request.exchange for request in self._asked.get(job.currency_pair, ())}
        if self._run.kind != REPAIR:
            yield from ((name, job.window, NOT_ASKED) for name in job.exchanges if name not in asked)

    def _pieces(self, job: MergeJob, entries: Sequence[Entry]) -> list[Piece]:
        """Enough exchanges must have answered for all of the interval; a repair merges whatever is there.

        Each minute is then merged from all that have answered for it, by the ledger: an exchange that fails now does
        not vanish from candles that it took part in before.
        """
        names = self._run.settings.exchange_ids
        answered = {name: settled_windows(e for e in entries if e.exchange == name) for name in names}
        complete = answered_all(job, answered)
        if self._run.kind != REPAIR and len(complete) < self._minimum:
            return [Piece(job.window, tuple(complete))]
        return pieces(job, answered)

    def _note_refetch(self, outcome: JobOutcome) -> None:
        """Whoever asks for everything anew must hear where that has failed, though older answers are there."""
        job = outcome.job
        failed = sorted({request.exchange for request in self._failed.get(job.currency_pair, ())})
        if self._run.refetch and failed and outcome.written:
            names = ", ".join(failed)
            outcome.short.append(
                f"{job.currency_pair}: the candles of {job.window} are those that were there before; failed: {names}"
            )

    def _merge_piece(self, piece: Piece, entries: Sequence[Entry], outcome: JobOutcome) -> None:
        pair, missing = outcome.job.currency_pair, sorted(set(outcome.job.exchanges) - set(piece.exchanges))
        if len(piece.exchanges) < self._minimum:
            outcome.short.append(
                f"{pair}: {len(piece.exchanges)} of the {self._minimum} exchanges it needs answered for "
                f"{piece.window}; failed: {', '.join(missing)}"
            )
            return
        if missing:
            logger.warning("%s is merged without %s", pair, ", ".join(missing))
        merged = self._merger.merge(pair, piece.window, piece.exchanges, entries)
        outcome.candle_count += merged.candle_count
        outcome.suspected += merged.suspected
        outcome.written.append(piece.window)

    def _account(self, outcome: JobOutcome) -> None:
        """Add up each day of which the ledger has something new."""
        job = outcome.job
        touched = union(map(touched_days, (job.window, *outcome.suspected)))
        for day in (day for window in touched for day in split_days(window)):
            entries = self._ledger.entries(day, job.currency_pair)
            for exchange, sums in self._daily.update(job.currency_pair, day.start_ms, entries).items():
                outcome.accounts.append(sums)
                if sums.open:
                    logger.warning(
                        "%s @ %s, %s: %d of %d candles are open: %d failed, %d rejected, %d suspected, %d not asked",
                        job.currency_pair, exchange, day, sums.open, sums.expected, sums.failed, sums.rejected,
                        sums.suspected, sums.not_asked,
                    )  # fmt: skip
