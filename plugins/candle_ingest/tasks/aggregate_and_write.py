"""Step 4: merge, write, and move the watermarks."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from candle_ingest.adapters.candle_store import CandleStore
from candle_ingest.adapters.connections import connect_influxdb
from candle_ingest.adapters.coverage_ledger import CoverageLedger
from candle_ingest.adapters.influx_bucket import InfluxBucket
from candle_ingest.core.merging import merge_candles
from candle_ingest.core.window import Window, split_rows
from candle_ingest.errors import IncompleteError
from candle_ingest.tasks.advance_watermarks import advance_watermarks
from candle_ingest.tasks.fetch_candles import Summary, unpack_candles
from candle_ingest.tasks.fetch_request import FetchRequest
from candle_ingest.tasks.run import Run
from candle_ingest.tasks.validate_symbols import Plan

logger = logging.getLogger(__name__)
# A month of minutes: what is in memory at a time, whatever the length of the run.
MERGE_SLOTS = 44_640


@dataclass(frozen=True, slots=True)
class PairFetches:
    """What was fetched for one pair: all its exchanges share the window; some may have failed."""

    ticker: str
    currency_pair: str
    window: Window
    succeeded: tuple[str, ...]
    failed: tuple[str, ...]


def aggregate_and_write(run: Run, plan: Plan, summaries: Sequence[Summary]) -> dict[str, int]:
    """Merge every pair that enough exchanges answered for; return the number of merged candles by pair.

    Raises IncompleteError that names each pair that has not enough, after all others are written.
    """
    pairs = _by_pair(plan.requests, summaries)
    if run.dry:
        written, short = _report_dry(run, plan, pairs, summaries)
    else:
        with InfluxBucket(connect_influxdb(), run.settings.influxdb_bucket) as bucket:
            written, short = _merge_all(run, plan, pairs, bucket)
    _raise_if_incomplete(short + plan.left_out, written)
    return written


def _by_pair(requests: Sequence[FetchRequest], summaries: Sequence[Summary]) -> list[PairFetches]:
    done = {(summary["currency_pair"], summary["exchange"]) for summary in summaries}
    grouped: dict[str, list[FetchRequest]] = {}
    for request in requests:
        grouped.setdefault(request.currency_pair, []).append(request)
    return [
        PairFetches(
            own[0].ticker,
            pair,
            own[0].window,
            tuple(r.exchange for r in own if (pair, r.exchange) in done),
            tuple(r.exchange for r in own if (pair, r.exchange) not in done),
        )
        for pair, own in grouped.items()
    ]


def _merge_all(
    run: Run, plan: Plan, pairs: Sequence[PairFetches], bucket: InfluxBucket
) -> tuple[dict[str, int], list[str]]:
    """The merged candles by pair, and a sentence for each pair that had not enough exchanges."""
    ledger = CoverageLedger(bucket, run.bar_ms)
    written: dict[str, int] = {}
    short: list[str] = []
    for pair in pairs:
        complete = _complete(pair, ledger)
        if len(complete) < plan.min_exchanges:
            short.append(_shortfall(pair, complete, plan.min_exchanges))
            continue
        if missing := set(pair.succeeded + pair.failed) - set(complete):
            logger.warning("%s is merged without %s", pair.currency_pair, ", ".join(sorted(missing)))
        written[pair.currency_pair] = _merge(run, pair, complete, bucket, ledger)
    advance_watermarks(
        run, [(p.ticker, p.currency_pair, p.window) for p in pairs if p.currency_pair in written], bucket
    )
    return written, short


def _complete(pair: PairFetches, ledger: CoverageLedger) -> list[str]:
    """The exchanges whose fetch succeeded and for which the ledger has the whole window."""
    answered = ledger.answered(pair.currency_pair, pair.window)
    return [name for name in pair.succeeded if any(w.covers(pair.window) for w in answered.get(name, []))]


def _merge(run: Run, pair: PairFetches, exchanges: list[str], bucket: InfluxBucket, ledger: CoverageLedger) -> int:
    store = CandleStore(bucket)
    count = 0
    for part in split_rows(pair.window, run.bar_ms, MERGE_SLOTS):
        by_exchange = store.read_exchange_candles(pair.currency_pair, exchanges, part)
        merged = merge_candles(by_exchange, run.settings.high_low)
        store.write_merged(pair.currency_pair, merged)
        ledger.record_merged(pair.currency_pair, part, merged.candles, exchanges)
        count += len(merged)
    logger.info("Successfully processed %s candles for %s", f"{count:,}", pair.currency_pair)
    return count


def _shortfall(pair: PairFetches, complete: Sequence[str], minimum: int) -> str:
    failed = ", ".join(name for name in pair.succeeded + pair.failed if name not in complete)
    return f"{pair.currency_pair}: {len(complete)} of the {minimum} exchanges it needs answered; failed: {failed}"


def _report_dry(
    run: Run, plan: Plan, pairs: Sequence[PairFetches], summaries: Sequence[Summary]
) -> tuple[dict[str, int], list[str]]:
    """Merge what the fetches brought along, and say what a wet run would write."""
    would: dict[str, int] = {}
    short: list[str] = []
    for pair in pairs:
        packed = {s["exchange"]: s["packed"] for s in summaries if s["currency_pair"] == pair.currency_pair}
        if len(packed) < plan.min_exchanges:
            short.append(_shortfall(pair, pair.succeeded, plan.min_exchanges))
            continue
        by_exchange = {exchange: unpack_candles(text) for exchange, text in packed.items()}
        merged = merge_candles(by_exchange, run.settings.high_low)
        would[pair.currency_pair] = len(merged)
        logger.info(
            "Dry run: would write %s merged candles for %s of %s, from %s; nothing is written",
            f"{len(merged):,}", pair.currency_pair, pair.window, ", ".join(sorted(by_exchange)),
        )  # fmt: skip
    return would, short


def _raise_if_incomplete(short: Sequence[str], written: dict[str, int]) -> None:
    if short:
        raise IncompleteError(
            f"{len(short)} symbols are not complete:\n" + "\n".join(f"  {line}" for line in short)
            + f"\n{len(written)} symbols are written. Once the cause is mended, clear the failed tasks of this run "
            "(`airflow tasks clear --only-failed`): they and this merge run again, nothing else."
        )  # fmt: skip
