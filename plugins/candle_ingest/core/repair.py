"""What the ledger shows as open, and what of it is due."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from candle_ingest.core.coverage import ANSWERED, FAILED, OPEN, REJECTED, SUSPECTED, Entry, settled_windows, windows_of
from candle_ingest.core.window import DAY_MS, MINUTE_MS, Window, subtract, union

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
    """A window that was merged and written, from `exchanges`."""

    currency_pair: str
    window: Window
    exchanges: frozenset[str]
    recorded_at_ms: int


def due_ms(entry: Entry) -> int:
    """When an open entry should be asked for again."""
    if entry.status == SUSPECTED:
        return entry.recorded_at_ms + SUSPICION_WAIT_MS
    return entry.recorded_at_ms + min(FIRST_WAIT_MS * (1 << min(entry.tries - 1, 20)), LONGEST_WAIT_MS)


def due_gaps(entries: Sequence[Entry], now_ms: int) -> list[Gap]:
    """What is open and due, by exchange. `entries` are those of one pair."""
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


def unmerged(entries: Sequence[Entry], merges: Iterable[Merge]) -> list[Window]:
    """Windows that were open once and have been answered since, but after the last merge with that exchange.

    `entries` are those of one pair, `merges` those near them.
    """
    known = list(merges)
    left: list[Window] = []
    for entry in entries:
        if entry.status not in OPEN or entry.is_suspicion:
            continue
        for answer in entries:
            part = answer.window.intersection(entry.window)
            if answer.exchange == entry.exchange and answer.status == ANSWERED and part:
                left += subtract(part, _merged_since(known, answer))
    return union(left)


def _merged_since(merges: Iterable[Merge], answer: Entry) -> list[Window]:
    return [m.window for m in merges if answer.exchange in m.exchanges and m.recorded_at_ms >= answer.recorded_at_ms]
