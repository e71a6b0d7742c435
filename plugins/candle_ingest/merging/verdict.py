"""Decide which slots of a day can be merged, and what the others wait for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from candle_ingest.candles.window import Window
from candle_ingest.ledger.day_record import CODES, DayRecord
from candle_ingest.ledger.merged_day import NOT_MERGED, MergedDay, Waiting
from candle_ingest.ledger.minute_state import MinuteState

# The fewest exchanges that may be merged without one that cannot deliver.
MIN_WITHOUT_UNOBTAINABLE = 2
ANSWERS = (MinuteState.PRESENT, MinuteState.QUIET, MinuteState.OUTAGE)
Records = Mapping[str, DayRecord | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class MergeRule:
    """When a slot is merged: with `minimum` usable answers, 0 for all exchanges that list the pair.

    With `merges_without_unobtainable`, an exchange that cannot deliver a slot does not hold it back if at least two
    others have answered.
    """

    minimum: int
    merges_without_unobtainable: bool = False


def mergeable(records: Records, slots: int, rule: MergeRule) -> NDArray[np.bool_]:
    """Return, for each slot of the day, whether enough exchanges have a usable answer.

    `records` has an entry for every exchange in the settings, None if it was not asked. An exchange that does not list
    the pair is no reason to wait, but no answer either: if any exchange lists the pair, at least one must have
    answered. A silence that is not believable is usable until the day is closed.
    """
    if not records:
        return np.zeros(slots, dtype=np.bool_)
    states = np.array([_codes(record, slots) for record in records.values()])
    closed = np.array([_closed_slots(record, slots) for record in records.values()])
    answered = np.isin(states, [CODES[state] for state in ANSWERS])
    answered |= (states == CODES[MinuteState.SILENT]) & ~closed
    not_listed = states == CODES[MinuteState.NOT_LISTED]
    usable = (answered | not_listed).sum(axis=0)
    required = rule.minimum or len(records)
    enough: NDArray[np.bool_] = (usable >= required) & (answered.any(axis=0) | not_listed.all(axis=0))
    if rule.merges_without_unobtainable:
        missing = (states == CODES[MinuteState.UNOBTAINABLE]).sum(axis=0)
        enough |= (usable + missing >= required) & (answered.sum(axis=0) >= MIN_WITHOUT_UNOBTAINABLE)
    return enough


def left_out_exchanges(records: Records, windows: Sequence[Window]) -> list[str]:
    """Return the exchanges without a usable answer for some slot of `windows`."""
    usable = [CODES[state] for state in (*ANSWERS, MinuteState.NOT_LISTED, MinuteState.SILENT)]
    return sorted(
        name
        for name, record in records.items()
        if record is None or not all(np.isin(record.states[record.place(w)], usable).all() for w in windows)
    )


def _codes(record: DayRecord | None, slots: int) -> NDArray[np.uint8]:
    return np.full(slots, CODES[MinuteState.NOT_ASKED], dtype=np.uint8) if record is None else record.states


def _closed_slots(record: DayRecord | None, slots: int) -> NDArray[np.bool_]:
    return np.zeros(slots, dtype=np.bool_) if record is None else record.slots_in(record.closed)


def waiting_stretches(day: MergedDay, records: Records, can_merge: NDArray[np.bool_]) -> tuple[Waiting, ...]:
    """Return the unmerged parts of the day that were requested from any exchange, with what is missing."""
    slots = len(day.marks)
    states = np.array([_codes(record, slots) for record in records.values()])
    asked = (states != CODES[MinuteState.NOT_ASKED]).any(axis=0)
    waits = asked & (day.mark_array == NOT_MERGED) & ~can_merge
    # A new part begins where the state of any exchange changes.
    starts = np.flatnonzero(np.diff(waits, prepend=False, append=False) | _changes(states))
    parts = [
        _waiting(day, records, first, last)
        for first, last in zip(starts[:-1].tolist(), starts[1:].tolist(), strict=True)
        if waits[first]
    ]
    return tuple(_joined(parts))


def _changes(states: NDArray[np.uint8]) -> NDArray[np.bool_]:
    inner = (np.diff(states.astype(np.int16), axis=1) != 0).any(axis=0)
    return np.concatenate([[True], inner, [True]])


def _waiting(day: MergedDay, records: Records, first: int, last: int) -> Waiting:
    start_ms, end_ms = day.day_ms + first * day.slot_ms, day.day_ms + last * day.slot_ms
    found = [_missing(name, record, start_ms) for name, record in records.items()]
    missing = [text for text, _ in filter(None, found)]
    since_ms = max((since for _, since in filter(None, found)), default=0)
    states = {name: record.state_at(start_ms) if record else MinuteState.NOT_ASKED for name, record in records.items()}
    return Waiting(
        start_ms,
        end_ms,
        "; ".join(missing) or "fewer exchanges list it than are required",
        since_ms,
        {name: state for name, state in states.items() if state not in (*ANSWERS, MinuteState.NOT_LISTED)},
    )


def _missing(exchange: str, record: DayRecord | None, time_ms: int) -> tuple[str, int] | None:
    """Return why an exchange is missing at this time, and since when; None if it has answered."""
    if record is None:
        return f"{exchange} was not asked", 0
    state = record.state_at(time_ms)
    if state in (*ANSWERS, MinuteState.NOT_LISTED):
        return None
    stretch = record.stretch_at(time_ms)
    reason = f": {stretch.reason}" if stretch and stretch.reason else ""
    return f"{exchange} {state.replace('_', ' ')}{reason}", stretch.since_ms if stretch else 0


def _joined(parts: Sequence[Waiting]) -> list[Waiting]:
    joined: list[Waiting] = []
    for part in parts:
        last = joined[-1] if joined else None
        if last and last.end_ms == part.start_ms and last.reason == part.reason and last.since_ms == part.since_ms:
            joined[-1] = replace(last, end_ms=part.end_ms)
        else:
            joined.append(part)
    return joined
