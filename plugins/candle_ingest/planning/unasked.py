"""Record what could not be requested: from unreachable exchanges, and of markets that are not listed."""

import logging
from collections.abc import Callable, Iterator, Mapping

from candle_ingest.candles.window import DAY_MS, Window, floor_ms, split_days, touched_days
from candle_ingest.ledger.day_records import DayRecords, Unreadable
from candle_ingest.ledger.look import Found, Look
from candle_ingest.ledger.minute_state import MinuteState
from candle_ingest.ledger.record_keeper import RecordKeeper, log_unreadable
from candle_ingest.planning.request_planner import Days, RequestPlanner, days_by_pair
from candle_ingest.planning.run import Run
from candle_ingest.store.bucket import InfluxBucket

logger = logging.getLogger(__name__)
UNKNOWN = (MinuteState.NOT_ASKED, MinuteState.FAILED)


def record_failed(
    run: Run,
    bucket: InfluxBucket,
    keeper: RecordKeeper,
    exchange: str,
    reasons: Mapping[str, str],
    first_ms: Callable[[str], int],
    *,
    only_not_asked: bool = False,
) -> None:
    """Record as failed what the run would have requested from `exchange`, with the reason for each pair.

    With `only_not_asked`, anything that was requested before is left alone, whatever the outcome.
    """
    planner = RequestPlanner.of(run, exchange)
    records, unreadable = DayRecords(bucket).read_readable(planner.span_to_read(), set(reasons), exchange)
    known = days_by_pair(records)
    looks: dict[str, list[Look]] = {}
    for pair, reason in _of_readable(reasons, unreadable):
        days = known.get(pair, {})
        parts = [part for window in planner.windows(pair, days, first_ms) for part in split_days(window)]
        if only_not_asked:
            parts = [open_ for part in parts for open_ in _not_asked(days, part)]
        looks[pair] = [failed_look(run, part, reason) for part in parts]
    with log_unreadable():
        keeper.apply(exchange, looks)


def record_not_listed(
    run: Run, bucket: InfluxBucket, keeper: RecordKeeper, exchange: str, reasons: Mapping[str, str], window: Window
) -> None:
    """Record that the exchange does not list these pairs, where nothing else is known about the days of `window`."""
    days = touched_days(window)
    records, unreadable = DayRecords(bucket).read_readable(days, set(reasons), exchange)
    known = days_by_pair(records)
    looks: dict[str, list[Look]] = {}
    for pair, reason in _of_readable(reasons, unreadable):
        for day in split_days(days):
            record = known.get(pair, {}).get(day.start_ms)
            parts = [day] if record is None else record.windows_of(UNKNOWN)
            looks.setdefault(pair, []).extend(_not_listed_look(run, part, reason) for part in parts)
    with log_unreadable():
        keeper.apply(exchange, looks)


def _of_readable(reasons: Mapping[str, str], unreadable: Unreadable) -> Iterator[tuple[str, str]]:
    """Yield the pairs whose records can be read, each with its reason; log an error for each of the others."""
    for pair, reason in reasons.items():
        if pair in unreadable:
            logger.error("%s", unreadable[pair])
        else:
            yield pair, reason


def _not_asked(days: Days, part: Window) -> list[Window]:
    record = days.get(floor_ms(part.start_ms, DAY_MS))
    if record is None:
        return [part]
    windows = (w.intersection(part) for w in record.windows_of((MinuteState.NOT_ASKED,)))
    return [window for window in windows if window]


def _not_listed_look(run: Run, window: Window, reason: str) -> Look:
    return Look(
        window=window,
        asked_at_ms=run.now_ms,
        not_listed=(Found(window, reason),),
        by_list=True,
        recorder=run.recorder,
    )


def failed_look(run: Run, window: Window, reason: str, closing: Window | None = None) -> Look:
    """Return a look that marks `window` (within one day) as failed."""
    return Look(
        window=window,
        asked_at_ms=run.now_ms,
        failed=(Found(window, reason),),
        closing=closing,
        recorder=run.recorder,
    )
