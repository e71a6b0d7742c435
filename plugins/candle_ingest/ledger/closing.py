"""Closing looks: after the day is over, each of its minutes is requested once more."""

from collections.abc import Sequence
from dataclasses import replace

from candle_ingest.candles.window import DAY_MS, Window, subtract, union
from candle_ingest.ledger.day_record import DayRecord
from candle_ingest.ledger.look import Look, Surroundings
from candle_ingest.ledger.minute_state import MinuteState
from candle_ingest.ledger.stretch import MAX_REASON_LENGTH, backoff_ms


def with_closing(record: DayRecord, look: Look, known: Surroundings) -> DayRecord:
    """Return the record with the answered parts of a closing look marked as closed.

    A closing look that keeps failing for `give_up_ms` is given up too; earlier answers stay, and the day is not final
    until a later look has confirmed them. Minutes that are given up themselves need no closing look.
    """
    if look.closing is None:
        return record
    part = look.closing.intersection(look.window)
    answered = subtract(part, [found.window for found in look.failed])
    closed = union([*record.closed, *answered, *record.windows_of((MinuteState.UNOBTAINABLE,))])
    unconfirmed = tuple(left for window in record.unconfirmed for left in subtract(window, answered))
    reason = record.unconfirmed_reason if unconfirmed else ""
    after = replace(record, closed=tuple(closed), unconfirmed=unconfirmed, unconfirmed_reason=reason)
    if not (missed := subtract(part, closed)):
        return replace(after, closing_tries=0, closing_due_ms=0, closing_since_ms=0)
    return _closing_failed(after, missed, look, known)


def _closing_failed(record: DayRecord, missed: Sequence[Window], look: Look, known: Surroundings) -> DayRecord:
    """Return the record after a closing look that failed for `missed`, which no other look has closed."""
    if look.asked_at_ms < record.closing_due_ms:
        return record
    since_ms = record.closing_since_ms or look.asked_at_ms
    if look.asked_at_ms - since_ms >= known.give_up_ms:
        return _closing_given_up(record, missed, look, look.asked_at_ms - since_ms)
    tries = record.closing_tries + 1
    due_ms = look.asked_at_ms + backoff_ms(tries)
    return replace(record, closing_tries=tries, closing_due_ms=due_ms, closing_since_ms=since_ms)


def _closing_given_up(record: DayRecord, missed: Sequence[Window], look: Look, for_ms: int) -> DayRecord:
    return replace(
        record,
        closed=tuple(union([*record.closed, *missed])),
        unconfirmed=tuple(union([*record.unconfirmed, *missed])),
        unconfirmed_reason=f"given up after {for_ms // DAY_MS} days: {look.failed[0].reason}"[:MAX_REASON_LENGTH],
        closing_tries=0,
        closing_due_ms=0,
        closing_since_ms=0,
    )
