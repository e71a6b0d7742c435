"""Fold a look into the record of a day."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from candle_ingest.candles.pace import Pace, is_believable
from candle_ingest.candles.window import DAY_MS, Window, subtract, union
from candle_ingest.ledger.day_record import FLAT, NO_CANDLE, TRADED, Change, DayRecord
from candle_ingest.ledger.look import Found, Look, Surroundings
from candle_ingest.ledger.minute_state import MinuteState
from candle_ingest.ledger.stretch import (
    LONGEST_REASON,
    Stretch,
    backoff_ms,
    inside,
    joined,
    silence_wait_ms,
    without,
)

# Two looks that found nothing must lie this far apart before a silence counts as an outage.
OUTAGE_PROOF_MS = DAY_MS
# An answer, even an empty one, replaces these. The others need a candle.
REPLACED_BY_ANSWER = frozenset({MinuteState.NOT_ASKED, MinuteState.FAILED, MinuteState.REJECTED})
NO_CANDLE_REASON = "the exchange answered without a candle, which is too long a silence for this market"


def fold(record: DayRecord, look: Look, known: Surroundings) -> DayRecord:
    """Return the record with the look folded in.

    A sound candle settles its slot whatever was known before; one that a later answer no longer has stays. A request
    that failed takes nothing back. Folding the same look twice equals folding it once.
    """
    look = replace(look, window=look.window.intersection(record.window))
    history = record.history if record.history.answered else known.history
    marked = replace(record, marks=_marks(record, look), market=record.market or look.market, history=history)
    settled = replace(marked, stretches=joined(_stretches(marked, look, known)))
    judged = replace(settled, stretches=joined(_judge_silences(settled, look, known)))
    closed = _with_closing(judged, look, known)
    return _with_changes(record, _with_proof(closed, look, known), look)


def prove(record: DayRecord, alive_ms: int) -> DayRecord:
    """Return the record with the proof that the exchange has traded after the day's last quiet time.

    It counts only if the exchange was asked for the end of the day after that candle opened.
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


def answered_windows(look: Look) -> list[Window]:
    """Return the parts of the look for which the exchange answered."""
    others = (look.rejected, look.failed, look.unobtainable, look.not_listed)
    return subtract(look.window, [found.window for group in others for found in group])


def _stretches(record: DayRecord, look: Look, known: Surroundings) -> list[Stretch]:
    """Return the stretches after the look, silences not judged yet."""
    present = record.windows_where(record.mark_array > NO_CANDLE)
    left = without(record.stretches, present)
    answered = answered_windows(look)
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
    return _listed_from_first_candle(record, left)


def _with_found(
    stretches: Sequence[Stretch], state: MinuteState, found: Found, look: Look, known: Surroundings
) -> list[Stretch]:
    """Return the stretches with `found` laid over those that it may replace."""
    window = found.window
    rest, old = without(stretches, [window]), inside(stretches, window)
    quiet = subtract(window, [s.window for s in old])
    # What was quiet stays so when a later request fails, and becomes known as rejected when a row appears.
    blank = [Stretch(start_ms=w.start_ms, end_ms=w.end_ms, state=MinuteState.QUIET) for w in quiet]
    new = [_replaced(s, state, found.reason, look, known) for s in [*old, *blank]]
    return [*rest, *(s for s in new if s.state != MinuteState.QUIET)]


def _replaced(old: Stretch, state: MinuteState, reason: str, look: Look, known: Surroundings) -> Stretch:
    changed = replace(old, state=state, reason=reason[:LONGEST_REASON], recorder=look.recorder, was_silent=False)
    if state == MinuteState.NOT_LISTED:
        return replace(changed, since_ms=old.since_ms or look.asked_at_ms, tries=0, due_ms=0)
    if state == MinuteState.UNOBTAINABLE:
        return _unobtainable(changed, old)
    if old.state == MinuteState.UNOBTAINABLE:
        return old
    if state == MinuteState.FAILED and old.state not in (MinuteState.NOT_ASKED, MinuteState.FAILED):
        # Nothing is taken back; what was due is due again a while later.
        later_ms = max(old.due_ms, look.asked_at_ms + backoff_ms(1)) if old.due_ms else 0
        return replace(old, due_ms=later_ms)
    return _tried_again(changed, old, look, known)


def _unobtainable(changed: Stretch, old: Stretch) -> Stretch:
    """Return the stretch as beyond what the exchange serves, unless its answer is settled."""
    if old.state in (MinuteState.QUIET, MinuteState.OUTAGE):
        return old
    return replace(changed, due_ms=0, was_silent=old.was_silent or old.state == MinuteState.SILENT)


def _tried_again(changed: Stretch, old: Stretch, look: Look, known: Surroundings) -> Stretch:
    """Return the stretch after one more try; a request made before it was due counts as none."""
    was_open = old.state in (MinuteState.FAILED, MinuteState.REJECTED)
    since_ms = old.since_ms if was_open else look.asked_at_ms
    if was_open and look.asked_at_ms < old.due_ms:
        return replace(changed, since_ms=since_ms, tries=old.tries, due_ms=old.due_ms)
    if was_open and look.asked_at_ms - since_ms >= known.give_up_ms:
        return _given_up(changed, look.asked_at_ms - since_ms)
    tries = old.tries + 1 if was_open else 1
    return replace(changed, since_ms=since_ms, tries=tries, due_ms=look.asked_at_ms + backoff_ms(tries))


def _given_up(stretch: Stretch, for_ms: int) -> Stretch:
    reason = f"given up after {for_ms // DAY_MS} days: {stretch.reason}"[:LONGEST_REASON]
    was_silent = stretch.state == MinuteState.SILENT
    return replace(stretch, state=MinuteState.UNOBTAINABLE, reason=reason, due_ms=0, was_silent=was_silent)


def _listed_from_first_candle(record: DayRecord, stretches: Iterable[Stretch]) -> list[Stretch]:
    """Return the stretches without a `not listed` after the first candle of the day: there it is silence."""
    candles = np.flatnonzero(record.mark_array > NO_CANDLE)
    if not len(candles):
        return list(stretches)
    after = Window(record.day_ms + int(candles[0]) * record.slot_ms, record.window.end_ms)
    return [part for s in stretches for part in (without([s], [after]) if s.state == MinuteState.NOT_LISTED else [s])]


def _judge_silences(record: DayRecord, look: Look, known: Surroundings) -> Iterator[Stretch]:
    """Yield the stretches with each silence judged: believable ones vanish, others are silent, or an outage."""
    judged = (MinuteState.QUIET, MinuteState.SILENT, MinuteState.OUTAGE)
    yield from (s for s in record.stretches if s.state not in judged)
    old = [s for s in record.stretches if s.state in judged]
    answered = answered_windows(look)
    # A silence that was given up in part is still one silence.
    given_up = _given_up_silences(record)
    for run in union([*record.windows_of(judged), *given_up]):
        slots = run.slots(record.slot_ms) + _beside(record, run, known)
        if is_believable(slots, _pace_beside(record, run, known), len(record.marks)):
            yield from (s for s in inside(old, run) if s.state == MinuteState.OUTAGE)
        else:
            parts = subtract(run, given_up)
            yield from (s for part in parts for s in _silent(record, part, inside(old, part), answered, look, known))


def _given_up_silences(record: DayRecord) -> list[Window]:
    return [s.window for s in record.stretches if s.was_silent]


def _beside(record: DayRecord, run: Window, known: Surroundings) -> int:
    before = known.before_slots if run.start_ms == record.day_ms else 0
    return before + (known.after_slots if run.end_ms == record.window.end_ms else 0)


def _pace_beside(record: DayRecord, run: Window, known: Surroundings) -> Pace:
    """Return the market's own pace outside of the silence, else that of the others."""
    beside = subtract(record.window, [run])
    answered = sum(
        counts.present + counts.quiet + counts.silent + counts.outage for counts in map(record.counts, beside)
    )
    # A silence keeps its weight when it is given up, or the same look would be judged otherwise the next time.
    given_up = (part.intersection(silence) for silence in _given_up_silences(record) for part in beside)
    answered += sum(part.slots(record.slot_ms) for part in given_up)
    own = known.history + Pace(int((record.mark_array == TRADED).sum()), answered)
    return own if own.is_known else known.others


def _silent(
    record: DayRecord, run: Window, old: Sequence[Stretch], answered: Sequence[Window], look: Look, known: Surroundings
) -> Iterator[Stretch]:
    """Yield the stretches of a silence that is not believable."""
    for part in subtract(run, [s.window for s in old]):
        yield _new_silence(part, look)
    for stretch in old:
        if stretch.state == MinuteState.OUTAGE:
            yield stretch
            continue
        yield from without([stretch], answered)
        for window in answered:
            yield from (_silent_again(record, part, look, known) for part in inside([stretch], window))


def _new_silence(window: Window, look: Look) -> Stretch:
    return Stretch(
        start_ms=window.start_ms,
        end_ms=window.end_ms,
        state=MinuteState.SILENT,
        reason=NO_CANDLE_REASON,
        since_ms=look.asked_at_ms,
        tries=1,
        due_ms=look.asked_at_ms + silence_wait_ms(1),
        recorder=look.recorder,
    )


def _silent_again(record: DayRecord, stretch: Stretch, look: Look, known: Surroundings) -> Stretch:
    """Return a silence after one more answer without a candle."""
    again = replace(stretch, recorder=look.recorder)
    silent_ms = look.asked_at_ms - stretch.since_ms
    traded_after = max(record.last_traded_ms, known.alive_ms if known.alive_ms < look.asked_at_ms else 0)
    if silent_ms >= OUTAGE_PROOF_MS and look.closing and traded_after >= stretch.end_ms:
        reason = "asked twice, a day apart, and the exchange has traded since: it has nothing for this time"
        return replace(again, state=MinuteState.OUTAGE, reason=reason, due_ms=0)
    if look.asked_at_ms < stretch.due_ms:
        return again
    if silent_ms >= known.give_up_ms:
        return _given_up(again, silent_ms)
    return replace(again, tries=stretch.tries + 1, due_ms=look.asked_at_ms + silence_wait_ms(stretch.tries + 1))


def _with_closing(record: DayRecord, look: Look, known: Surroundings) -> DayRecord:
    """Return the record with the closing part of the look noted, as far as it was answered at all.

    A closing look that fails for as long as a stretch is asked for is given up too: what was answered before stays.
    """
    if look.closing is None:
        return record
    failed = [found.window for found in look.failed]
    part = look.closing.intersection(look.window)
    if look.asked_at_ms - record.window.end_ms >= known.give_up_ms:
        failed = []
    closed = tuple(union([*record.closed, *subtract(part, failed)]))
    missed = any(part.intersection(window) for window in failed)
    if not missed:
        return replace(record, closed=closed, closing_tries=0, closing_due_ms=0)
    if look.asked_at_ms < record.closing_due_ms:
        return replace(record, closed=closed)
    tries = record.closing_tries + 1
    due_ms = look.asked_at_ms + backoff_ms(tries)
    return replace(record, closed=closed, closing_tries=tries, closing_due_ms=due_ms)


def _with_proof(record: DayRecord, look: Look, known: Surroundings) -> DayRecord:
    """Return the record with when the end of the day was asked for, and what the exchange had shown by then."""
    asked_end_ms = max((window.end_ms for window in answered_windows(look)), default=0)
    if asked_end_ms < record.window.end_ms or look.asked_at_ms <= record.end_asked_ms:
        return record
    return prove(replace(record, end_asked_ms=look.asked_at_ms), known.alive_ms)


def _with_changes(before: DayRecord, after: DayRecord, look: Look) -> DayRecord:
    """Return the record with the windows whose answers changed; what is merged by now is forgotten.

    What a closing look has answered counts as changed whatever it was: a task that was killed between writing a
    corrected candle and its record, or wrote beside another one, leaves nothing that stays wrong.
    """
    differs = (before.states != after.states) | (before.mark_array != after.mark_array)
    closing = [w.intersection(look.closing) for w in answered_windows(look)] if look.closing else []
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


def reset_unobtainable(record: DayRecord, now_ms: int) -> DayRecord:
    """Return the record with its unobtainable stretches failed and due at once, as if never tried."""
    return replace(record, stretches=joined(_reset(stretch, now_ms) for stretch in record.stretches))


def _reset(stretch: Stretch, now_ms: int) -> Stretch:
    if stretch.state != MinuteState.UNOBTAINABLE:
        return stretch
    return replace(stretch, state=MinuteState.FAILED, since_ms=now_ms, tries=0, due_ms=now_ms, was_silent=False)
