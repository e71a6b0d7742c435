"""Step 4: merge, write, account for every minute, and move the watermarks."""

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from candle_ingest.adapters import metrics
from candle_ingest.adapters.connections import connect_influxdb
from candle_ingest.adapters.coverage_ledger import CoverageLedger
from candle_ingest.adapters.daily_coverage import DailyCoverage
from candle_ingest.adapters.influx_bucket import InfluxBucket
from candle_ingest.core.coverage import FAILED, Account, Entry, settled_windows
from candle_ingest.core.day_account import total
from candle_ingest.core.metrics import ACCOUNTED, CANDLES_WRITTEN, SYMBOLS_SHORT, SYMBOLS_WRITTEN
from candle_ingest.core.window import DAY_MS, Window, split_days, subtract
from candle_ingest.errors import IncompleteError
from candle_ingest.tasks.advance_watermarks import advance_watermarks
from candle_ingest.tasks.dry_report import report_dry
from candle_ingest.tasks.fetch_summary import Summary
from candle_ingest.tasks.merge_and_write import Merger
from candle_ingest.tasks.merge_job import MergeJob, Piece, pieces, whole
from candle_ingest.tasks.plan import Plan
from candle_ingest.tasks.run import REPAIR, Run

logger = logging.getLogger(__name__)
NO_RECORD = "its fetch ended without a word: the task was killed, or never ran"


@dataclass
class Outcome:
    """What came of the merges: merged candles by pair, windows written, and a sentence for each that is short."""

    counts: dict[str, int] = field(default_factory=dict)
    written: list[tuple[MergeJob, Window]] = field(default_factory=list)
    short: list[str] = field(default_factory=list)


def aggregate_and_write(run: Run, plan: Plan, summaries: Sequence[Summary]) -> dict[str, int]:
    """Merge every pair that enough exchanges answered for; return the number of merged candles by pair.

    Raises IncompleteError that names each pair that has not enough, after all others are written. A repair run
    does not: what stays open is in the ledger, and the next one takes it up.
    """
    if run.dry:
        counts, short = report_dry(run, plan, summaries)
    else:
        with InfluxBucket(connect_influxdb(), run.settings.influxdb_bucket) as bucket:
            outcome = _merge_all(run, plan, summaries, bucket)
        counts, short = outcome.counts, outcome.short
    if run.kind == REPAIR:
        for line in short:
            logger.warning("Still open: %s", line)
    else:
        _raise_if_incomplete([*short, *plan.left_out], counts)
    return counts


def _merge_all(run: Run, plan: Plan, summaries: Sequence[Summary], bucket: InfluxBucket) -> Outcome:
    outcome = Outcome()
    if not plan.merges:
        return outcome
    failed = _failed(plan, summaries)
    entries = _complete_ledger(run, plan, failed, bucket)
    merger = Merger(run, bucket)
    for job in plan.merges:
        own = [entry for entry in entries if entry.currency_pair == job.currency_pair]
        for piece in _pieces(run, job, own, failed):
            _merge_piece(job, piece, own, plan.min_exchanges, merger, outcome)
    _account(run, plan, bucket)
    advance_watermarks(run, outcome.written, bucket)
    _count(run, outcome)
    return outcome


def _count(run: Run, outcome: Outcome) -> None:
    tags = {"pipeline": run.settings.name, "dag": run.kind}
    metrics.count(SYMBOLS_WRITTEN, len(outcome.counts), **tags)
    metrics.count(SYMBOLS_SHORT, len(outcome.short), **tags)
    metrics.count(CANDLES_WRITTEN, sum(outcome.counts.values()), **tags)


def _failed(plan: Plan, summaries: Iterable[Summary]) -> set[tuple[str, str]]:
    """The pairs and exchanges of which a fetch of this run brought no summary."""
    done = {(s["currency_pair"], s["exchange"], s["start_ms"]) for s in summaries}
    return {
        (r.currency_pair, r.exchange) for r in plan.requests if (r.currency_pair, r.exchange, r.start_ms) not in done
    }


def _complete_ledger(run: Run, plan: Plan, failed: set[tuple[str, str]], bucket: InfluxBucket) -> list[Entry]:
    """The ledger of all windows; a fetch that left no word there gets an entry that says so."""
    ledger = CoverageLedger(bucket, run.bar_ms, run.recorder)
    span = Window(min(job.start_ms for job in plan.merges), max(job.end_ms for job in plan.merges))
    entries = ledger.entries(span)
    silent = [
        (request, missing)
        for request in plan.requests
        if (request.currency_pair, request.exchange) in failed
        if (
            missing := subtract(
                request.window, [e.window for e in _of(entries, request.currency_pair, request.exchange)]
            )
        )
    ]
    for request, missing in silent:
        ledger.record_open(request.currency_pair, request.exchange, missing, FAILED, NO_RECORD)
    return ledger.entries(span) if silent else entries


def _of(entries: Iterable[Entry], currency_pair: str, exchange: str) -> list[Entry]:
    return [entry for entry in entries if entry.currency_pair == currency_pair and entry.exchange == exchange]


def _pieces(run: Run, job: MergeJob, entries: Sequence[Entry], failed: set[tuple[str, str]]) -> list[Piece]:
    """A repair merges whatever is there; any other run its whole interval or nothing."""
    answered = {name: settled_windows(e for e in entries if e.exchange == name) for name in job.exchanges}
    if run.kind == REPAIR:
        return pieces(job, answered)
    return [whole(job, answered, [name for name in job.exchanges if (job.currency_pair, name) in failed])]


def _merge_piece(
    job: MergeJob, piece: Piece, entries: Sequence[Entry], minimum: int, merger: Merger, outcome: Outcome
) -> None:
    pair, missing = job.currency_pair, sorted(set(job.exchanges) - set(piece.exchanges))
    if len(piece.exchanges) < minimum:
        outcome.short.append(
            f"{pair}: {len(piece.exchanges)} of the {minimum} exchanges it needs answered for {piece.window}; "
            f"failed: {', '.join(missing)}"
        )
        return
    if missing:
        logger.warning("%s is merged without %s", pair, ", ".join(missing))
    count = merger.merge(pair, piece.window, piece.exchanges, entries)
    outcome.counts[pair] = outcome.counts.get(pair, 0) + count
    outcome.written.append((job, piece.window))


def _account(run: Run, plan: Plan, bucket: InfluxBucket) -> None:
    """Add up every day that this run touched, and say what is open."""
    ledger, daily = CoverageLedger(bucket, run.bar_ms), DailyCoverage(bucket, run.bar_ms)
    by_pair: dict[str, list[Account]] = {}
    days = sorted({day.start_ms - day.start_ms % DAY_MS for job in plan.merges for day in split_days(job.window)})
    for day_ms in days:
        day = Window(day_ms, day_ms + DAY_MS)
        pairs = {job.currency_pair for job in plan.merges if job.window.intersection(day)}
        for (pair, exchange), sums in daily.update(day_ms, ledger.entries(day), pairs).items():
            by_pair.setdefault(pair, []).append(sums)
            if sums.open:
                logger.warning(
                    "%s @ %s, %s: %d of %d candles are open: %d failed, %d rejected, %d suspected, %d not asked",
                    pair, exchange, day, sums.open, sums.expected, sums.failed, sums.rejected, sums.suspected,
                    sums.not_asked,
                )  # fmt: skip
    _send_shares(run, by_pair)


def _send_shares(run: Run, by_pair: Mapping[str, Sequence[Account]]) -> None:
    for pair, accounts in by_pair.items():
        sums = total(accounts)
        metrics.gauge(ACCOUNTED, 1 - sums.open / sums.expected, pipeline=run.settings.name, currency_pair=pair)


def _raise_if_incomplete(short: Sequence[str], written: dict[str, int]) -> None:
    if short:
        raise IncompleteError(
            f"{len(short)} symbols are not complete:\n" + "\n".join(f"  {line}" for line in short)
            + f"\n{len(written)} symbols are written. Once the cause is mended, clear the failed tasks of this run "
            "(`airflow tasks clear --only-failed`): they and this merge run again, nothing else.",
            short,
        )  # fmt: skip
