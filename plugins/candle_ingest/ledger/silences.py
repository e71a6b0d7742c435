"""Judge answers without candles: quiet, or a silence to request again."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from candle_ingest.candles.pace import Pace, is_believable
from candle_ingest.candles.window import DAY_MS, Window, subtract, union
from candle_ingest.ledger.day_record import NO_CANDLE, TRADED, DayRecord
from candle_ingest.ledger.look import Look, Surroundings
from candle_ingest.ledger.minute_state import MinuteState
from candle_ingest.ledger.stretch import (
    MAX_REASON_LENGTH,
    SortedStretches,
    Stretch,
    given_up,
    inside,
    silence_wait_ms,
    without,
)

# A silence counts as an outage only after two empty looks at least this far apart.
OUTAGE_PROOF_MS = DAY_MS
NO_CANDLE_REASON = "no candle, and a gap this long is not plausible for this market"
ROW_MISSING_REASON = "the answer lacks the candle, although the exchange sends one even without trades"
# A row can also be missing before the first known candle: an earlier one may later show that the market was listed.
NOTED = frozenset({MinuteState.SILENT, MinuteState.OUTAGE, MinuteState.NOT_LISTED})


def note_missing_rows(record: DayRecord, look: Look) -> Iterator[Stretch]:
    """Yield the stretches, marking each row that is missing although the exchange sends one even without trades.

    If another source, such as trades, answers for the same time, the mark is removed.
    """
    answered, missing = record.slots_in(look.answered_windows()), record.slots_in(look.missing)
    missing &= answered & (record.mark_array == NO_CANDLE)
    is_missing = record.windows_where(missing)
    kept = [s for s in record.stretches if s.state in NOTED]
    yield from (s for s in record.stretches if s.state not in NOTED)
    yield from without(kept, record.windows_where(answered))
    found = without(kept, record.windows_where(~answered))
    yield from (_noted(s, row_missing=False) for s in without(found, is_missing))
    yield from (_noted(s, row_missing=True) for s in without(found, record.windows_where(~missing)))
    for window in is_missing:
        yield from without([missing_row(window, look)], [s.window for s in record.stretches])


def missing_row(window: Window, look: Look) -> Stretch:
    """Return the silence that this look found on an exchange that sends a row for every slot."""
    return _noted(_new_silence(window, look), row_missing=True)


def _noted(stretch: Stretch, *, row_missing: bool) -> Stretch:
    if stretch.row_missing == row_missing:
        return stretch
    reason = ROW_MISSING_REASON if row_missing else NO_CANDLE_REASON
    return replace(stretch, row_missing=row_missing, reason=reason if stretch.due_ms else stretch.reason)


def judge_silences(record: DayRecord, look: Look, known: Surroundings) -> Iterator[Stretch]:
    """Yield the stretches after judging each silence: believable ones vanish, others become silent or an outage."""
    judged = (MinuteState.QUIET, MinuteState.SILENT, MinuteState.OUTAGE)
    yield from (s for s in record.stretches if s.state not in judged)
    old = SortedStretches(s for s in record.stretches if s.state in judged)
    answered = look.answered_windows()
    # A partly given-up silence is still one silence.
    past = _given_up_silences(record)
    total = _total_pace(record, past)
    for run in union([*record.windows_of(judged), *past]):
        slots = run.slots(record.slot_ms) + _beside(record, run, known)
        # The market's own pace outside the silence, else that of the other exchanges.
        own_pace = known.history + Pace(total.traded, total.answered - run.slots(record.slot_ms))
        believed = is_believable(slots, own_pace if own_pace.is_known else known.others, len(record.marks))
        for part in subtract(run, past):
            own = old.inside(part)
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


def _total_pace(record: DayRecord, past: Iterable[Window]) -> Pace:
    """Return the pace of the day; a silence keeps its weight after it is given up."""
    counts = record.counts()
    answered = counts.present + counts.quiet + counts.silent + counts.outage
    given_up_slots = sum(window.slots(record.slot_ms) for window in past)
    return Pace(int((record.mark_array == TRADED).sum()), answered + given_up_slots)


def _asked_again(
    record: DayRecord, silences: Sequence[Stretch], answered: Sequence[Window], look: Look, known: Surroundings
) -> Iterator[Stretch]:
    """Yield the silences; those parts that the look answered count one more try."""
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
    """Yield a new silence, except that parts no longer served are given up at once."""
    yield from without([silence], [found.window for found in look.unobtainable])
    for found in look.unobtainable:
        for part in inside([silence], found.window):
            reason = found.reason[:MAX_REASON_LENGTH]
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
