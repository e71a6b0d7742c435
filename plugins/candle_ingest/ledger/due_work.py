"""What the ledger shows as open, and what of it is due."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from candle_ingest.candles.window import DAY_MS, MINUTE_MS, Window, subtract, union
from candle_ingest.ledger.coverage import FAILED, REJECTED, SETTLED, SUSPECTED, Entry, settled_windows, windows_of

# A suspicion is asked again later: an exchange needs time to mend its own data.
SUSPICION_WAIT_MS = 60 * MINUTE_MS
# What failed is tried again ever more seldom.
FIRST_WAIT_MS = 15 * MINUTE_MS
LONGEST_WAIT_MS = DAY_MS


@dataclass(frozen=True, slots=True)
class Gap:
    """A window to ask one exchange for; `again` though it has answered before."""

    exchange: str
    window: Window
    again: bool


@dataclass(frozen=True, slots=True)
class Merge:
    """A window that was merged from `exchanges`, of which the candles were read, and later written, at these times."""

    currency_pair: str
    window: Window
    exchanges: frozenset[str]
    read_at_ms: int
    recorded_at_ms: int


def due_ms(entry: Entry) -> int:
    """When an open entry should be asked for again."""
    if entry.status == SUSPECTED:
        return entry.recorded_at_ms + SUSPICION_WAIT_MS
    return entry.recorded_at_ms + min(FIRST_WAIT_MS * (1 << min(entry.tries - 1, 20)), LONGEST_WAIT_MS)


def due_gaps(entries: Sequence[Entry], now_ms: int) -> list[Gap]:
    """Return what is open and due, by exchange. `entries` are those of one pair."""
    gaps: list[Gap] = []
    for exchange in sorted({entry.exchange for entry in entries}):
        own = [entry for entry in entries if entry.exchange == exchange]
        due = [entry for entry in own if entry.is_open and due_ms(entry) <= now_ms]
        suspected = windows_of(due, {SUSPECTED})
        settled = settled_windows(own)
        missing = union(p for w in windows_of(due, {FAILED, REJECTED}) for p in subtract(w, settled))
        gaps += [Gap(exchange, window, True) for window in suspected]
        gaps += [Gap(exchange, part, False) for w in missing for part in subtract(w, suspected)]
    return gaps


def stale_windows(
    entries: Sequence[Entry], merges: Iterable[Merge], days: Sequence[Window], bar_ms: int, minimum: int
) -> list[Window]:
    """Where enough exchanges have answered, and the last merge knows less than they do.

    It knows less where there is none, where it went without an exchange that has answered, or where an answer is
    newer. `entries` and `merges` are those of one pair in `days`, which are whole days, apart from each other.
    """
    known = list(merges)
    return [part for span in days for part in _stale(span, entries, known, bar_ms, minimum)]


def _stale(span: Window, entries: Sequence[Entry], merges: Sequence[Merge], bar_ms: int, minimum: int) -> list[Window]:
    answered_ms = {name: np.full(span.slots(bar_ms), -1, np.int64) for name in sorted({e.exchange for e in entries})}
    for entry in entries:
        if entry.status in SETTLED and (place := _slots(entry.window, span, bar_ms)):
            np.maximum(answered_ms[entry.exchange][place], entry.recorded_at_ms, out=answered_ms[entry.exchange][place])
    if not answered_ms:
        return []
    last_answer_ms = np.array(list(answered_ms.values()))
    last_merge_ms = np.array([_merged_ms(merges, name, span, bar_ms) for name in answered_ms])
    enough = (last_answer_ms >= 0).sum(axis=0) >= minimum
    return _windows(enough & (last_answer_ms > last_merge_ms).any(axis=0), span, bar_ms)


def _merged_ms(merges: Sequence[Merge], exchange: str, span: Window, bar_ms: int) -> NDArray[np.int64]:
    """For each slot when the merge that wrote it last had read its candles; -1 where that went without the exchange."""
    found = np.full(span.slots(bar_ms), -1, np.int64)
    for merge in sorted(merges, key=lambda merge: merge.recorded_at_ms):
        if place := _slots(merge.window, span, bar_ms):
            found[place] = merge.read_at_ms if exchange in merge.exchanges else -1
    return found


def _slots(window: Window, span: Window, bar_ms: int) -> slice | None:
    """Return the places of `window` among the slots of `span`."""
    part = window.intersection(span)
    first = (part.start_ms - span.start_ms) // bar_ms
    return slice(first, first + part.slots(bar_ms)) if part else None


def _windows(chosen: NDArray[np.bool_], span: Window, bar_ms: int) -> list[Window]:
    borders = np.flatnonzero(np.diff(chosen, prepend=False, append=False)) * bar_ms + span.start_ms
    return [Window(start_ms, end_ms) for start_ms, end_ms in borders.reshape(-1, 2).tolist()]
