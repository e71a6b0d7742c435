"""Move the watermarks of symbols to where everything is merged, and to where everything is final."""

import logging
import time
from collections.abc import Iterable, Mapping, Sequence

from candle_ingest.candles.symbol import parse_symbol
from candle_ingest.candles.window import DAY_MS, Window, floor_ms
from candle_ingest.connections import RedisClient
from candle_ingest.ledger.day_record import RecordState
from candle_ingest.ledger.day_records import DayRecords
from candle_ingest.ledger.merged_day import MergedDay
from candle_ingest.ledger.watermarks import (
    BACKFILL,
    CATCH_UP,
    FINAL,
    Watermarks,
    advance_together,
    latest_key,
    watermarks_by_pair,
)
from candle_ingest.merging.day_work import DayOutcome
from candle_ingest.metrics import emit
from candle_ingest.metrics.catalogue import LAG
from candle_ingest.planning.run import Run
from candle_ingest.store.bucket import InfluxBucket

logger = logging.getLogger(__name__)
MS_PER_S = 1_000
# A pair and the kind of its watermark.
PairKind = tuple[str, str]


def advance_watermarks(
    run: Run, tickers: Sequence[str], outcomes: Sequence[DayOutcome], bucket: InfluxBucket, client: RedisClient
) -> None:
    """Move each watermark to the last candle before the first hole, never back and never past the last closed candle.

    If a watermark does not exist yet, backfill counts from the start of its history and catch-up from where it began. A
    manual run with its own start creates no watermark. Each spelling of a pair has its own keys with the same values,
    so a new spelling starts with the watermark of the others.
    """
    watermarks = Watermarks(bucket)
    written = watermarks.read()
    known, first = watermarks_by_pair(written.items()), _first_merged(outcomes)
    spellings = _spellings(tickers)
    begin = {
        (pair, kind): begin_ms
        for kind in (*run.kind.watermarks, FINAL)
        for pair in spellings
        if (begin_ms := _begin_ms(run, kind, known.get((pair, kind)), first.get(pair))) is not None
    }
    values = {
        f"{ticker}-{kind}": end_ms - run.timeframe.ms
        for (pair, kind), end_ms in _reached(run, begin, DayRecords(bucket)).items()
        if end_ms > begin[pair, kind] or (pair, kind) in known
        for ticker in spellings[pair]
    }
    forward = {key: value for key, value in values.items() if written.get(key, -1) < value}
    advance_together(client, watermarks, forward, _latest(run, outcomes))
    if CATCH_UP in run.kind.watermarks and run.kind.is_urgent:
        _send_lag(run, spellings, values)


def _spellings(tickers: Iterable[str]) -> dict[str, list[str]]:
    """Return the tickers of each pair."""
    found: dict[str, list[str]] = {}
    for ticker in tickers:
        found.setdefault(parse_symbol(ticker).currency_pair, []).append(ticker)
    return found


def _first_merged(outcomes: Iterable[DayOutcome]) -> dict[str, int]:
    """Return, by pair, the start of what this run merged."""
    found: dict[str, int] = {}
    for outcome in outcomes:
        if outcome.windows:
            start_ms = outcome.windows[0].start_ms
            found[outcome.pair] = min(start_ms, found.get(outcome.pair, start_ms))
    return found


def _begin_ms(run: Run, kind: str, watermark_ms: int | None, first_ms: int | None) -> int | None:
    """Return where to start counting; None if this run may not create a watermark of that kind."""
    if watermark_ms is not None:
        return watermark_ms + run.timeframe.ms
    if run.start_ms is not None:
        return None
    if kind in (BACKFILL, FINAL) and run.origin_ms is not None:
        return run.origin_ms
    if kind == FINAL:
        return None if first_ms is None else -(-first_ms // DAY_MS) * DAY_MS
    return None if not run.kind.takes_whole_interval and not run.kind.is_urgent else first_ms


def _reached(run: Run, begin_ms: Mapping[PairKind, int], records: DayRecords) -> dict[PairKind, int]:
    """Return where the merged slots or, for a final watermark, the final days that continue from `begin_ms` end.

    That is at most the end of the last closed candle. Each day is read once, for all pairs and kinds that have reached
    it.
    """
    at, closed_ms = dict(begin_ms), _closed_ms(run)
    moving = set(at)
    while moving:
        day_ms = min(floor_ms(at[key], DAY_MS) for key in moving)
        if day_ms >= run.now_ms:
            break
        here = {key for key in moving if floor_ms(at[key], DAY_MS) == day_ms}
        known, unreadable = records.read_readable_merges(Window(day_ms, day_ms + DAY_MS), {pair for pair, _ in here})
        for error in unreadable.values():
            logger.error("watermarks not moved: %s", error)
        for pair, kind in here:
            day = known.get((pair, day_ms))
            at[pair, kind] = _reached_of_day(day, kind, at[pair, kind], closed_ms) if day else at[pair, kind]
            if at[pair, kind] < day_ms + DAY_MS:
                moving.discard((pair, kind))
    return at


def _reached_of_day(day: MergedDay, kind: str, start_ms: int, closed_ms: int) -> int:
    """Return the end of the merged slots from `start_ms` on; for a final watermark, of the day if it is final.

    What ends after `closed_ms` does not count.
    """
    if kind != FINAL:
        return max(start_ms, min(day.merged_until_ms(start_ms), closed_ms))
    return day.window.end_ms if day.state == RecordState.FINAL and day.window.end_ms <= closed_ms else start_ms


def _closed_ms(run: Run) -> int:
    """Return the end of the last candle that is closed by the clock: a watermark past it could never be taken back."""
    return run.timeframe.floor_ms(run.now_ms)


def _latest(run: Run, outcomes: Iterable[DayOutcome]) -> dict[str, int]:
    """Return the open time of each pair's newest merged slot that is closed, by key."""
    latest: dict[str, int] = {}
    for outcome in outcomes:
        if outcome.windows:
            key = latest_key(outcome.pair)
            last_ms = min(outcome.windows[-1].end_ms, _closed_ms(run)) - run.timeframe.ms
            latest[key] = max(latest.get(key, 0), last_ms)
    return latest


def _send_lag(run: Run, spellings: Mapping[str, Sequence[str]], values_ms: Mapping[str, int]) -> None:
    """Send the lag of each symbol's catch-up watermark as a metric."""
    for pair, tickers in spellings.items():
        watermark_ms = values_ms.get(f"{tickers[0]}-{CATCH_UP}")
        if watermark_ms is not None:
            lag_seconds = (time.time_ns() // 1_000_000 - watermark_ms - run.timeframe.ms) / MS_PER_S
            emit.gauge(LAG, max(0.0, lag_seconds), pipeline=run.settings.name, currency_pair=pair)
