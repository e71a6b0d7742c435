"""What is known of each minute of an exchange: the states of the coverage ledger, and how they add up."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from candle_ingest.candles.window import Window, subtract, union

# The exchange answered: a minute without a candle is one in which nobody traded.
ANSWERED = "answered"
# The exchange answered with nothing, and the market is younger than that.
NOT_LISTED = "not_listed"
# Answered with nothing for long while others traded: to be asked once more, later.
SUSPECTED = "suspected"
# The answer held rows that cannot be trusted.
REJECTED = "rejected"
# No usable answer.
FAILED = "failed"
SETTLED = frozenset({ANSWERED, NOT_LISTED})
OPEN = frozenset({SUSPECTED, REJECTED, FAILED})
# What the second answer to a suspicion said: candles after all, or nothing again.
REPAIRED, CONFIRMED = "repaired", "confirmed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One window of one exchange in the ledger.

    `tries` counts how often it stayed open; `outcome` is how a suspicion ended, empty before that.
    """

    currency_pair: str
    exchange: str
    window: Window
    status: str
    recorded_at_ms: int = 0
    tries: int = 1
    outcome: str = ""
    reason: str = ""

    @property
    def is_open(self) -> bool:
        """Whether this entry alone asks for more work; a later answer may have settled it."""
        return self.status in OPEN and not self.outcome

    @property
    def is_suspicion(self) -> bool:
        """Whether it is a suspicion that the exchange has not been asked about again."""
        return self.status == SUSPECTED and not self.outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """The minutes of one exchange in a window, each counted once: the parts add up to `expected`."""

    expected: int
    present: int
    quiet: int
    not_listed: int
    suspected: int
    rejected: int
    failed: int
    not_asked: int

    @property
    def open(self) -> int:
        """Minutes for which there is no settled answer."""
        return self.suspected + self.rejected + self.failed + self.not_asked


def windows_of(entries: Iterable[Entry], statuses: Collection[str]) -> list[Window]:
    """Return the windows of the entries with one of `statuses`, joined; suspicions only while they are open."""
    return union(e.window for e in entries if e.status in statuses and not e.outcome)


def settled_windows(entries: Iterable[Entry]) -> list[Window]:
    """Return the times for which an exchange's answer is known, joined."""
    return windows_of(entries, SETTLED)


def open_windows(entries: Collection[Entry], window: Window) -> list[Window]:
    """Return the parts of `window` for which one exchange has no settled answer; `entries` are its own."""
    not_listed = windows_of(entries, {NOT_LISTED})
    doubted = [part for w in windows_of(entries, {SUSPECTED}) for part in subtract(w, not_listed)]
    return subtract(window, [part for w in settled_windows(entries) for part in subtract(w, doubted)])


def account(entries: Collection[Entry], window: Window, bar_ms: int, present: int) -> Account:
    """How the minutes of `window` add up; `entries` are those of one exchange, `present` its stored candles.

    A minute with several entries counts for the best of them: an answer settles it, whatever failed before.
    """
    not_listed = windows_of(entries, {NOT_LISTED})
    answered = settled_windows(entries)
    doubted = [w.intersection(known) for w in windows_of(entries, {SUSPECTED}) for known in answered]
    suspected = [part for w in doubted for part in subtract(w, not_listed)]
    rejected = [part for w in windows_of(entries, {REJECTED}) for part in subtract(w, answered)]
    failed = [part for w in windows_of(entries, {FAILED}) for part in subtract(w, [*answered, *rejected])]
    counts = {
        "not_listed": _slots(not_listed, window, bar_ms),
        "suspected": _slots(suspected, window, bar_ms),
        "rejected": _slots(rejected, window, bar_ms),
        "failed": _slots(failed, window, bar_ms),
    }
    settled = _slots(answered, window, bar_ms)
    silent = max(0, settled - counts["not_listed"] - counts["suspected"] - present)
    expected = window.slots(bar_ms)
    not_asked = expected - settled - counts["rejected"] - counts["failed"]
    return Account(
        expected=expected,
        present=settled - counts["not_listed"] - counts["suspected"] - silent,
        quiet=silent,
        not_asked=not_asked,
        **counts,
    )


def _slots(windows: Iterable[Window], within: Window, bar_ms: int) -> int:
    return sum(w.intersection(within).slots(bar_ms) for w in union(windows))
