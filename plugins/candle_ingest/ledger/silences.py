"""Judge what an exchange answered without a candle: quiet, or a silence that is asked for again."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from candle_ingest.candles.pace import Pace, is_believable
from candle_ingest.candles.window import DAY_MS, Window, subtract, union
from candle_ingest.ledger.day_record import NO_CANDLE, TRADED, DayRecord
from candle_ingest.ledger.look import Look, Surroundings
from candle_ingest.ledger.minute_state import MinuteState
from candle_ingest.ledger.stretch import (
    LONGEST_REASON,
    Stretch,
    given_up,
    inside,
    silence_wait_ms,
    without,
)

# Two looks that found nothing must lie this far apart before a silence counts as an outage.
OUTAGE_PROOF_MS = DAY_MS
NO_CANDLE_REASON = "the exchange answered without a candle, which is too long a silence for this market"
ROW_MISSING_REASON = "the answer lacks the candle, and the exchange sends one also where nobody traded"
SILENCES = frozenset({MinuteState.SILENT, MinuteState.OUTAGE})


def note_missing_rows(record: DayRecord, look: Look) -> Iterator[Stretch]:
    """Yield the stretches with each row noted that the answer lacks and that would be there even without trades.

    Whatever another source answers for the same time, such as trades, takes the note away.
    """
    answered = look.answered_windows()
    missing = _missing_windows(record, look, answered)
    for stretch in record.stretches:
        if stretch.state not in SILENCES:
            yield stretch
            continue
        yield from without([stretch], answered)
        for window in answered:
            for part in inside([stretch], window):
                yield from (_noted(s, row_missing=False) for s in without([part], missing))
                yield from (_noted(s, row_missing=True) for w in missing for s in inside([part], w))
    known = [stretch.window for stretch in record.stretches]
    for window in missing:
        yield from (_noted(_new_silence(part, look), row_missing=True) for part in subtract(window, known))


def _missing_windows(record: DayRecord, look: Look, answered: Sequence[Window]) -> list[Window]:
    if not look.missing:
        return []
    present = record.windows_where(record.mark_array > NO_CANDLE)
    asked = [part for window in union(look.missing) for a in answered if (part := window.intersection(a))]
    return [part for window in asked for part in subtract(window.intersection(record.window), present)]


def _noted(stretch: Stretch, *, row_missing: bool) -> Stretch:
    if stretch.row_missing == row_missing:
        return stretch
    reason = ROW_MISSING_REASON if row_missing else NO_CANDLE_REASON
    return replace(stretch, row_missing=row_missing, reason=reason if stretch.due_ms else stretch.reason)


def judge_silences(record: DayRecord, look: Look, known: Surroundings) -> Iterator[Stretch]:
    """Yield the stretches with each silence judged: believable ones vanish, others are silent, or an outage."""
    judged = (MinuteState.QUIET, MinuteState.SILENT, MinuteState.OUTAGE)
    yield from (s for s in record.stretches if s.state not in judged)
    old = [s for s in record.stretches if s.state in judged]
    answered = look.answered_windows()
    # A silence that was given up in part is still one silence.
    past = _given_up_silences(record)
    for run in union([*record.windows_of(judged), *past]):
        slots = run.slots(record.slot_ms) + _beside(record, run, known)
        believed = is_believable(slots, _pace_beside(record, run, known), len(record.marks))
        for part in subtract(run, past):
            own = inside(old, part)
            if not believed:
                new = (_new_silence(window, look) for window in subtract(part, [s.window for s in own]))
                yield from (kept for silence in new for kept in _past_the_history(silence, look))
            again = [s for s in own if not believed or s.row_missing or s.state == MinuteState.OUTAGE]
            yield from _asked_again(record, again, answered, look, known)


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
    past = (part.intersection(silence) for silence in _given_up_silences(record) for part in beside)
    answered += sum(part.slots(record.slot_ms) for part in past)
    own = known.history + Pace(int((record.mark_array == TRADED).sum()), answered)
    return own if own.is_known else known.others


def _asked_again(
    record: DayRecord, silences: Sequence[Stretch], answered: Sequence[Window], look: Look, known: Surroundings
) -> Iterator[Stretch]:
    """Yield the silences, those parts that the look answered with one more try."""
    for stretch in silences:
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


def _past_the_history(silence: Stretch, look: Look) -> Iterator[Stretch]:
    """Yield a new silence; the parts of it that the exchange no longer serves are given up at once."""
    yield from without([silence], [found.window for found in look.unobtainable])
    for found in look.unobtainable:
        for part in inside([silence], found.window):
            reason = found.reason[:LONGEST_REASON]
            yield replace(part, state=MinuteState.UNOBTAINABLE, reason=reason, due_ms=0, was_silent=True)


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
        return given_up(again, silent_ms)
    return replace(again, tries=stretch.tries + 1, due_ms=look.asked_at_ms + silence_wait_ms(stretch.tries + 1))
