"""Make parts of a day due again that are no longer retried."""

from dataclasses import replace

from candle_ingest.candles.window import Window, floor_ms, subtract
from candle_ingest.ledger.day_record import DayRecord
from candle_ingest.ledger.minute_state import MinuteState
from candle_ingest.ledger.stretch import Stretch, inside, joined, without

LISTED_NOW_REASON = "not asked before, because the exchange did not list the market, or had halted it"


def reset_unobtainable(record: DayRecord, now_ms: int) -> DayRecord:
    """Return the record with its unobtainable stretches marked as failed, due at once, and their tries counted from 0.

    Closing looks that were given up are due again too.
    """
    closed = tuple(left for window in record.closed for left in subtract(window, record.unconfirmed))
    stretches = joined(_reset(stretch, now_ms) for stretch in record.stretches)
    return replace(record, stretches=stretches, closed=closed, unconfirmed=(), unconfirmed_reason="")


def _reset(stretch: Stretch, now_ms: int) -> Stretch:
    if stretch.state != MinuteState.UNOBTAINABLE:
        return stretch
    return replace(stretch, state=MinuteState.FAILED, since_ms=now_ms, tries=0, due_ms=now_ms, was_silent=False)


def reset_not_listed(record: DayRecord, first_ms: int, now_ms: int) -> DayRecord:
    """Return the record once the exchange lists the market, which has candles from `first_ms` on (a slot's start).

    From there to now, what was not listed by the list of markets alone is due at once, as failed.
    """
    end_ms, now_ms = record.window.end_ms, floor_ms(now_ms, record.slot_ms)
    start_ms = min(max(first_ms, record.day_ms), end_ms)
    until_ms = min(max(start_ms, now_ms), end_ms)
    own = [replace(s, by_list=False) for s in record.stretches if s.by_list]
    due = [
        replace(s, state=MinuteState.FAILED, reason=LISTED_NOW_REASON, since_ms=now_ms, due_ms=now_ms)
        for s in inside(own, Window(start_ms, until_ms))
    ]
    to_come = [replace(s, state=MinuteState.NOT_ASKED, reason="") for s in inside(own, Window(until_ms, end_ms))]
    rest = [s for s in record.stretches if not s.by_list]
    stretches = joined([*rest, *without(own, [Window(start_ms, end_ms)]), *due, *to_come])
    return replace(record, stretches=stretches)
