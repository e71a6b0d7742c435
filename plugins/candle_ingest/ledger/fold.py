"""Fold a look into the record of a day."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from candle_ingest.candles.window import Window, subtract, union
from candle_ingest.ledger.closing import with_closing
from candle_ingest.ledger.day_record import FLAT, NO_CANDLE, TRADED, Change, DayRecord
from candle_ingest.ledger.look import Found, Look, Surroundings
from candle_ingest.ledger.minute_state import MinuteState
from candle_ingest.ledger.silences import judge_silences, missing_row, note_missing_rows
from candle_ingest.ledger.stretch import (
    MAX_REASON_LENGTH,
    Stretch,
    backoff_ms,
    given_up,
    inside,
    joined,
    without,
)

# Any answer replaces these states, even an empty one. The others give way only to a candle.
REPLACED_BY_ANSWER = frozenset({MinuteState.NOT_ASKED, MinuteState.FAILED, MinuteState.REJECTED})


def fold(record: DayRecord, look: Look, known: Surroundings) -> DayRecord:
    """Return the record with the look folded in.

    A sound candle settles its slot, whatever was known before, and stays even if a later answer lacks it. A failed
    request undoes nothing. Folding the same look twice equals folding it once.
    """
    look = replace(look, window=look.window.intersection(record.window))
    history = record.history if record.history.answered else known.history
    marked = replace(record, marks=_marks(record, look), market=record.market or look.market, history=history)
    settled = replace(marked, stretches=joined(_stretches(marked, look, known)))
    noted = replace(settled, stretches=joined(note_missing_rows(settled, look)))
    judged = replace(noted, stretches=joined(judge_silences(noted, look, known)))
    closed = with_closing(judged, look, known)
    return _with_changes(record, _with_proof(closed, look, known), look)


def prove(record: DayRecord, alive_ms: int) -> DayRecord:
    """Return the record with proof that the exchange has traded since the last quiet time of the day.

    The proof counts only if the exchange was asked for the end of the day after that trade.
    """
    return replace(record, proved_ms=alive_ms) if record.proved_ms < alive_ms < record.end_asked_ms else record


def _marks(record: DayRecord, look: Look) -> bytes:
    marks = record.mark_array.copy()
    slots = _slots(record, look.open_times_ms)
    marks[slots] = FLAT
    marks[_slots(record, look.traded_ms)] = TRADED
    return marks.tobytes()


def _slots(record: DayRecord, times_ms: NDArray[np.int64]) -> NDArray[np.int64]:
    day = record.window
    return (times_ms[(times_ms >= day.start_ms) & (times_ms < day.end_ms)] - day.start_ms) // record.slot_ms


def _stretches(record: DayRecord, look: Look, known: Surroundings) -> list[Stretch]:
    """Return the stretches after the look, before silences are judged."""
    present = record.windows_where(record.mark_array > NO_CANDLE)
    left = _not_asked_from_first_candle(record, without(record.stretches, present))
    answered = look.answered_windows()
    left = [part for s in left for part in (without([s], answered) if s.state in REPLACED_BY_ANSWER else [s])]
    for state, found in (
        (MinuteState.FAILED, look.failed),
        (MinuteState.REJECTED, look.rejected),
        (MinuteState.UNOBTAINABLE, look.unobtainable),
        (MinuteState.NOT_LISTED, look.not_listed),
    ):
        for one in found:
            for window in subtract(one.window.intersection(record.window), present):
                left = _with_found(left, state, Found(window, one.reason), look, known)
    return _listed_from_first_candle(record, _not_asked_from_first_candle(record, left), look)


def _with_found(
    stretches: Sequence[Stretch], state: MinuteState, found: Found, look: Look, known: Surroundings
) -> list[Stretch]:
    """Return the stretches with `found` laid over those that it may replace."""
    window = found.window
    rest, old = without(stretches, [window]), inside(stretches, window)
    quiet = subtract(window, [s.window for s in old])
    # A failed request does not change a quiet slot; a row that turns up and cannot be trusted does.
    blank = [Stretch(start_ms=w.start_ms, end_ms=w.end_ms, state=MinuteState.QUIET) for w in quiet]
    new = [_replaced(s, state, found.reason, look, known) for s in [*old, *blank]]
    return [*rest, *(s for s in new if s.state != MinuteState.QUIET)]


def _replaced(old: Stretch, state: MinuteState, reason: str, look: Look, known: Surroundings) -> Stretch:
    changed = replace(
        old,
        state=state,
        reason=reason[:MAX_REASON_LENGTH],
        recorder=look.recorder,
        was_silent=False,
        row_missing=False,
        by_list=False,
    )
    if state == MinuteState.NOT_LISTED:
        since_ms = old.since_ms or look.asked_at_ms
        return replace(changed, by_list=look.by_list, candle_lost=False, since_ms=since_ms, tries=0, due_ms=0)
    if state == MinuteState.UNOBTAINABLE:
        return _unobtainable(changed, old)
    if old.state == MinuteState.UNOBTAINABLE:
        return old
    if state == MinuteState.FAILED and old.state not in (MinuteState.NOT_ASKED, MinuteState.FAILED):
        return _failed_again(old, look, known)
    return _tried_again(changed, old, look, known)


def _failed_again(old: Stretch, look: Look, known: Surroundings) -> Stretch:
    """Return what an earlier response left open, after a failed request for it: the response is not undone."""
    if not old.due_ms or look.asked_at_ms < old.due_ms:
        return old
    if look.asked_at_ms - old.since_ms >= known.give_up_ms:
        return given_up(old, look.asked_at_ms - old.since_ms)
    return replace(old, tries=old.tries + 1, due_ms=look.asked_at_ms + backoff_ms(old.tries + 1))


def _unobtainable(changed: Stretch, old: Stretch) -> Stretch:
    """Return the stretch as no longer served by the exchange, unless its answer is settled."""
    if old.state in (MinuteState.QUIET, MinuteState.OUTAGE):
        return old
    was_silent = old.was_silent or old.state == MinuteState.SILENT
    return replace(changed, due_ms=0, was_silent=was_silent, row_missing=old.row_missing)


def _tried_again(changed: Stretch, old: Stretch, look: Look, known: Surroundings) -> Stretch:
    """Return the stretch with one more try counted; a request before it was due does not count."""
    was_open = old.state in (MinuteState.FAILED, MinuteState.REJECTED)
    since_ms = old.since_ms if was_open else look.asked_at_ms
    if was_open and look.asked_at_ms < old.due_ms:
        return replace(changed, since_ms=since_ms, tries=old.tries, due_ms=old.due_ms)
    if was_open and look.asked_at_ms - since_ms >= known.give_up_ms:
        return given_up(changed, look.asked_at_ms - since_ms)
    tries = old.tries + 1 if was_open else 1
    return replace(changed, since_ms=since_ms, tries=tries, due_ms=look.asked_at_ms + backoff_ms(tries))


def _from_first_candle(record: DayRecord) -> Window:
    """Return the part of the day from its first candle on; empty if it has none."""
    candles = np.flatnonzero(record.mark_array > NO_CANDLE)
    start_ms = record.day_ms + int(candles[0]) * record.slot_ms if len(candles) else record.window.end_ms
    return Window(start_ms, record.window.end_ms)


def _not_asked_from_first_candle(record: DayRecord, stretches: Sequence[Stretch]) -> list[Stretch]:
    """Return the stretches with what the list of markets alone lacked as not asked, after the day's first candle.

    The market is listed from then on, and nothing is known of minutes that were never requested, such as those to come.
    """
    after = _from_first_candle(record)
    by_list = [s for s in stretches if s.by_list and not s.row_missing]
    rest = [s for s in stretches if not s.by_list or s.row_missing]
    not_asked = (
        Stretch(start_ms=s.start_ms, end_ms=s.end_ms, state=MinuteState.NOT_ASKED) for s in inside(by_list, after)
    )
    return [*rest, *without(by_list, [after]), *not_asked]


def _listed_from_first_candle(record: DayRecord, stretches: Sequence[Stretch], look: Look) -> list[Stretch]:
    """Return the stretches without `not listed` after the day's first candle: from then on it would be a silence."""
    after = _from_first_candle(record)
    kept = [s for s in stretches if s.state != MinuteState.NOT_LISTED]
    not_listed = [s for s in stretches if s.state == MinuteState.NOT_LISTED]
    lacking = [missing_row(s.window, look) for s in inside(not_listed, after) if s.row_missing]
    return [*kept, *without(not_listed, [after]), *lacking]


def _with_proof(record: DayRecord, look: Look, known: Surroundings) -> DayRecord:
    """Return the record with the time at which the end of the day was requested, and the last trade known by then."""
    asked_end_ms = max((window.end_ms for window in look.answered_windows()), default=0)
    if asked_end_ms < record.window.end_ms or look.asked_at_ms <= record.end_asked_ms:
        return record
    return prove(replace(record, end_asked_ms=look.asked_at_ms), known.alive_ms)


def _with_changes(before: DayRecord, after: DayRecord, look: Look) -> DayRecord:
    """Return the record with the windows whose answers changed; changes that are merged by now are dropped.

    Everything that a closing look answered counts as changed. So if a task was killed between writing a corrected
    candle and its record, or wrote at the same time as another, nothing stays wrong.
    """
    differs = (before.states != after.states) | (before.mark_array != after.mark_array)
    closing = [w.intersection(look.closing) for w in look.answered_windows()] if look.closing else []
    corrected = [w.intersection(after.window) for w in look.changed]
    changed = union([*after.windows_where(differs), *corrected, *closing])
    known = [change for change in before.changes if change.version > before.merged_version]
    if changed:
        known = [Change(w.start_ms, w.end_ms, c.version) for c in known for w in subtract(c.window, changed)]
        known += [Change(w.start_ms, w.end_ms, look.version) for w in changed]
    return replace(
        after,
        changes=tuple(sorted(known, key=lambda change: change.start_ms)),
        answered_version=max(before.answered_version, look.version) if changed else before.answered_version,
        looks=before.looks + (look.asked_at_ms > before.last_look_ms),
        last_look_ms=max(before.last_look_ms, look.asked_at_ms),
        source=look.source if len(look.open_times_ms) else before.source,
    )
