"""Move the watermarks of symbols to where everything is merged, and to where everything is final."""

import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from candle_ingest.candles.symbol import parse_symbol
from candle_ingest.candles.window import DAY_MS, Window, floor_ms
from candle_ingest.connections import RedisClient
from candle_ingest.ledger.day_record import RecordState
from candle_ingest.ledger.day_records import DayRecords
from candle_ingest.ledger.merge_day import MergeDay
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


def advance_watermarks(
    run: Run, tickers: Sequence[str], outcomes: Sequence[DayOutcome], bucket: InfluxBucket, client: RedisClient
) -> None:
    """Move each watermark to the last candle before the first hole, never back.

    If a watermark does not exist yet, backfill counts from the start of its history and catch-up from where it began. A
    manual run with its own start creates no watermark. Each spelling of a pair has its own keys with the same values,
    so a new spelling starts with the watermark of the others.
    """
    watermarks = Watermarks(bucket)
    written = watermarks.read()
    known, first = watermarks_by_pair(written.items()), _first_merged(outcomes)
    spellings = _spellings(tickers)
    values: dict[str, int] = {}
    for kind in (*run.kind.watermarks, FINAL):
        own = {pair: known[pair, kind] for pair in spellings if (pair, kind) in known}
        for pair, last_ms in _last_ms(run, kind, spellings, own, first, _Reach(run, bucket)).items():
            values |= {f"{ticker}-{kind}": last_ms for ticker in spellings[pair]}
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


def _last_ms(
    run: Run, kind: str, pairs: Iterable[str], known: Mapping[str, int], first: Mapping[str, int], reached: "_Reach"
) -> dict[str, int]:
    """Return, by pair, the watermark of this kind: the open time of the last slot before the first hole.

    `known` are the watermarks so far, `first` the start of what this run merged.
    """
    begin = {
        pair: begin_ms
        for pair in pairs
        if (begin_ms := _begin_ms(run, kind, known.get(pair), first.get(pair))) is not None
    }
    ends = reached.final(begin) if kind == FINAL else reached.merged(begin)
    moved = {
        pair: max(ends[pair], begin_ms) for pair, begin_ms in begin.items() if ends[pair] > begin_ms or pair in known
    }
    return {pair: end_ms - run.timeframe.ms for pair, end_ms in moved.items()}


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


@dataclass
class _Reach:
    """Finds how far merged or final days reach without a hole; days are read for many pairs at once."""

    run: Run
    bucket: InfluxBucket

    def merged(self, begin_ms: Mapping[str, int]) -> dict[str, int]:
        """Return, by pair, the end of the merged slots that continue from `begin_ms` without a gap."""
        return self._walk(begin_ms, lambda day, at_ms: day.merged_until_ms(at_ms))

    def final(self, begin_ms: Mapping[str, int]) -> dict[str, int]:
        """Return, by pair, the end of the final days that continue from `begin_ms` without a gap."""
        return self._walk(begin_ms, lambda day, at_ms: day.window.end_ms if day.state == RecordState.FINAL else at_ms)

    def _walk(self, begin_ms: Mapping[str, int], until_ms: Callable[[MergeDay, int], int]) -> dict[str, int]:
        records = DayRecords(self.bucket)
        at = dict(begin_ms)
        moving = set(at)
        while moving:
            day_ms = min(floor_ms(at[pair], DAY_MS) for pair in moving)
            if day_ms >= self.run.now_ms:
                break
            here = {pair for pair in moving if floor_ms(at[pair], DAY_MS) == day_ms}
            known, unreadable = records.read_readable_merges(Window(day_ms, day_ms + DAY_MS), here)
            for error in unreadable.values():
                logger.error("watermarks not moved: %s", error)
            for pair in here:
                day = known.get((pair, day_ms))
                at[pair] = until_ms(day, at[pair]) if day else at[pair]
                if at[pair] < day_ms + DAY_MS:
                    moving.discard(pair)
        return at


def _latest(run: Run, outcomes: Iterable[DayOutcome]) -> dict[str, int]:
    """Return the open time of each pair's newest merged slot, by key."""
    latest: dict[str, int] = {}
    for outcome in outcomes:
        if outcome.windows:
            key, last_ms = latest_key(outcome.pair), outcome.windows[-1].end_ms - run.timeframe.ms
            latest[key] = max(latest.get(key, 0), last_ms)
    return latest


def _send_lag(run: Run, spellings: Mapping[str, Sequence[str]], values_ms: Mapping[str, int]) -> None:
    """Send the lag of each symbol's catch-up watermark as a metric."""
    for pair, tickers in spellings.items():
        watermark_ms = values_ms.get(f"{tickers[0]}-{CATCH_UP}")
        if watermark_ms is not None:
            lag_seconds = (time.time_ns() // 1_000_000 - watermark_ms - run.timeframe.ms) / MS_PER_S
            emit.gauge(LAG, max(0.0, lag_seconds), pipeline=run.settings.name, currency_pair=pair)
