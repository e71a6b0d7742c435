"""The merges of one run, each with its account."""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from candle_ingest.adapters.coverage_ledger import CoverageLedger
from candle_ingest.adapters.daily_coverage import DailyCoverage
from candle_ingest.adapters.influx_bucket import InfluxBucket
from candle_ingest.core.coverage import FAILED, Account, Entry, settled_windows
from candle_ingest.core.window import DAY_MS, Window, floor_ms, split_days, subtract
from candle_ingest.tasks.fetch_request import FetchRequest
from candle_ingest.tasks.fetch_summary import Summary
from candle_ingest.tasks.merge_job import MergeJob, Piece, pieces, whole
from candle_ingest.tasks.merger import Merger
from candle_ingest.tasks.plan import Plan
from candle_ingest.tasks.run import REPAIR, Run

logger = logging.getLogger(__name__)
NO_RECORD = "its fetch ended without a word: the task was killed, or never ran"


@dataclass
class JobOutcome:
    """What came of one job: merged candles, windows written, a sentence for each piece that is short.

    `accounts` are those of the days that it touched, for each exchange.
    """

    job: MergeJob
    candle_count: int = 0
    written: list[Window] = field(default_factory=list)
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
        self._failed: dict[str, list[FetchRequest]] = {}
        for request in plan.requests:
            if (request.currency_pair, request.exchange, request.start_ms) not in done:
                self._failed.setdefault(request.currency_pair, []).append(request)

    def merge(self, job: MergeJob) -> JobOutcome:
        """Merge and write what enough exchanges answered for, and add up the days that it touched."""
        outcome = JobOutcome(job)
        entries = self._complete_ledger(job)
        for piece in self._pieces(job, entries):
            self._merge_piece(piece, entries, outcome)
        self._account(outcome)
        return outcome

    def _complete_ledger(self, job: MergeJob) -> list[Entry]:
        """The ledger of the pair; a fetch that left no word there gets an entry that says so."""
        pair, silent = job.currency_pair, False
        entries = self._ledger.entries(job.window, pair)
        for request in self._failed.get(pair, ()):
            known = [entry.window for entry in entries if entry.exchange == request.exchange]
            if missing := subtract(request.window.intersection(job.window), known):
                self._ledger.record_open(pair, request.exchange, missing, FAILED, NO_RECORD)
                silent = True
        return self._ledger.entries(job.window, pair) if silent else entries

    def _pieces(self, job: MergeJob, entries: Sequence[Entry]) -> list[Piece]:
        """A repair merges whatever is there; any other run its whole interval or nothing."""
        answered = {name: settled_windows(e for e in entries if e.exchange == name) for name in job.exchanges}
        if self._run.kind == REPAIR:
            return pieces(job, answered)
        return [whole(job, answered, [request.exchange for request in self._failed.get(job.currency_pair, ())])]

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
        outcome.candle_count += self._merger.merge(pair, piece.window, piece.exchanges, entries)
        outcome.written.append(piece.window)

    def _account(self, outcome: JobOutcome) -> None:
        job = outcome.job
        for part in split_days(job.window):
            day_ms = floor_ms(part.start_ms, DAY_MS)
            day = Window(day_ms, day_ms + DAY_MS)
            entries = self._ledger.entries(day, job.currency_pair)
            for exchange, sums in self._daily.update(job.currency_pair, day_ms, entries).items():
                outcome.accounts.append(sums)
                if sums.open:
                    logger.warning(
                        "%s @ %s, %s: %d of %d candles are open: %d failed, %d rejected, %d suspected, %d not asked",
                        job.currency_pair, exchange, day, sums.open, sums.expected, sums.failed, sums.rejected,
                        sums.suspected, sums.not_asked,
                    )  # fmt: skip
