"""The record of a day: what is known about each slot of one pair on one exchange on one UTC day."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from candle_ingest.candles.pace import Pace
from candle_ingest.candles.window import DAY_MS, HOUR_MS, MINUTE_MS, Window, subtract, union
from candle_ingest.ledger.marked_day import MarkedDay, Span
from candle_ingest.ledger.minute_state import RETRIED, CoverageCounts, MinuteState
from candle_ingest.ledger.stretch import Stretch

# Mark of a slot: no candle, a candle without volume, a candle with volume.
NO_CANDLE, FLAT, TRADED = 0, 1, 2
STATES = tuple(MinuteState)
CODES = {state: code for code, state in enumerate(STATES)}
PROOF_WAIT_MS = HOUR_MS


class RecordState(StrEnum):
    """The state of the record of a day."""

    # The closing look, after the day is over, is still to come.
    PROVISIONAL = "provisional"
    # Some minutes have no settled answer.
    OPEN = "open"
    # Some minutes could not be had, and nothing more is requested.
    UNOBTAINABLE = "unobtainable"
    # Every minute is settled, and nothing can change it any more.
    FINAL = "final"


@dataclass(frozen=True, slots=True)
class Change(Span):
    """A span of the day whose answers changed, and the version of that change."""

    version: int


@dataclass(frozen=True, slots=True)
class ClosingRule:
    """When the closing look at a past day is due.

    A part of the day can be closed `delay_ms` after its end. `step_ms` is the longest part: a day, or less for an
    exchange that serves only its last hours. Parts end on the grid of `slot_ms`.
    """

    delay_ms: int
    step_ms: int = DAY_MS
    slot_ms: int = MINUTE_MS


@dataclass(frozen=True, kw_only=True)
class DayRecord(MarkedDay):
    """What is known about one pair on one exchange on the UTC day that begins at `day_ms`.

    `marks` has one byte per slot: NO_CANDLE, FLAT or TRADED. `stretches` cover every slot without a plain answer,
    including those never requested; any other slot without a candle is quiet.

    `changes` are answers that may not be merged yet; `answered_version` is the newest of them, `merged_version` the
    version up to which everything is merged. `closed` are the parts that closing looks have covered; after a failed
    closing look, `closing_due_ms` is when the next one is due, and `closing_since_ms` when the first one failed.
    `unconfirmed` are those of the closed parts whose closing looks failed for too long, because of
    `unconfirmed_reason`: their answers are those from before.

    `last_look_ms` is when the exchange was last asked for any part of the day, `end_asked_ms` when it was last asked
    for its end, and `proved_ms` the open time of a later candle with volume that the exchange had shown by then.
    `source` is api, trades or archive. `history` is the market's pace on the days before.
    """

    exchange: str
    stretches: tuple[Stretch, ...]
    market: str = ""
    changes: tuple[Change, ...] = ()
    answered_version: int = 0
    merged_version: int = 0
    looks: int = 0
    closed: tuple[Window, ...] = ()
    closing_tries: int = 0
    closing_due_ms: int = 0
    closing_since_ms: int = 0
    unconfirmed: tuple[Window, ...] = ()
    unconfirmed_reason: str = ""
    last_look_ms: int = 0
    end_asked_ms: int = 0
    proved_ms: int = 0
    source: str = "api"
    history: Pace = field(default_factory=Pace)

    @cached_property
    def states(self) -> NDArray[np.uint8]:
        """Return the code of each slot's state (an index of STATES)."""
        codes = np.where(self.mark_array > NO_CANDLE, CODES[MinuteState.PRESENT], CODES[MinuteState.QUIET])
        for stretch in self.stretches:
            codes[self.place(stretch.window)] = CODES[stretch.state]
        return codes.astype(np.uint8)

    def counts(self, window: Window | None = None) -> CoverageCounts:
        """Count the slots of the day by state, or those within `window`."""
        codes = self.states[self.place(window or self.window)]
        found = np.bincount(codes, minlength=len(STATES)).tolist()
        return CoverageCounts(expected=len(codes), **{str(state): found[code] for state, code in CODES.items()})

    def state_at(self, time_ms: int) -> MinuteState:
        """Return the state of the slot that contains `time_ms`."""
        return STATES[self.states[(time_ms - self.day_ms) // self.slot_ms]]

    def stretch_at(self, time_ms: int) -> Stretch | None:
        """Return the stretch that contains `time_ms`; None if the slot was plainly answered."""
        return next((s for s in self.stretches if s.start_ms <= time_ms < s.end_ms), None)

    def windows_of(self, states: Iterable[MinuteState]) -> list[Window]:
        """Return the windows in one of `states`, with neighbours joined."""
        chosen = np.isin(self.states, [CODES[state] for state in states])
        return self.windows_where(chosen)

    @property
    def lost(self) -> list[Window]:
        """Return the windows whose stored candles are gone from the bucket and were not answered again since."""
        return [stretch.window for stretch in self.stretches if stretch.candle_lost]

    @property
    def last_traded_ms(self) -> int:
        """Return the open time of the last candle with volume, 0 if there is none."""
        traded = np.flatnonzero(self.mark_array == TRADED)
        return self.day_ms + int(traded[-1]) * self.slot_ms if len(traded) else 0

    @property
    def pace(self) -> Pace:
        """Return how often the market traded, over the slots that are present or quiet."""
        counts = self.counts()
        return Pace(int((self.mark_array == TRADED).sum()), counts.present + counts.quiet)

    @property
    def closed_until_ms(self) -> int:
        """Return how far closing looks cover the day without a gap, starting at midnight."""
        first = next(iter(union(self.closed)), None)
        return first.end_ms if first and first.start_ms <= self.day_ms else self.day_ms

    @property
    def is_closed(self) -> bool:
        """Tell whether closing looks cover the whole day, or no slot needs one."""
        return self.closed_until_ms >= self.window.end_ms or self.is_not_listed

    def is_settled(self, window: Window) -> bool:
        """Tell whether the part of the day in `window` is closed, and nothing in it is retried or was never asked."""
        if not self.is_closed and subtract(window.intersection(self.window), self.closed):
            return False
        return not any(left.intersection(window) for left in self.windows_of((*RETRIED, MinuteState.NOT_ASKED)))

    @property
    def unconfirmed_slots(self) -> int:
        """Count the slots whose closing looks were given up."""
        return sum(window.slots(self.slot_ms) for window in self.unconfirmed)

    def unclosed(self) -> list[Window]:
        """Return what waits for a closing look; failed windows wait for their own retry, which counts as one."""
        if self.is_closed:
            return []
        failed = [stretch.window for stretch in self.stretches if stretch.state == MinuteState.FAILED]
        return subtract(self.window, [*self.closed, *failed])

    @property
    def is_not_listed(self) -> bool:
        """Tell whether the pair was not listed all day."""
        return bool((self.states == CODES[MinuteState.NOT_LISTED]).all())

    @property
    def is_proved(self) -> bool:
        """Tell whether the exchange has traded since the quiet end of the day, and was asked for it after that."""
        asked_end_ms = self._quiet_end_ms()
        return asked_end_ms is None or self.proved_ms >= asked_end_ms

    def proof_window(self, now_ms: int) -> Window | None:
        """Return what to request once more because the quiet end of the day is not proved; None if nothing is due.

        Later candles, also of other markets, prove it without a request, unless they came while the end was asked for.
        An exchange that stays quiet is asked less and less often.
        """
        quiet_end_ms = self._quiet_end_ms()
        waited_ms = max(2 * PROOF_WAIT_MS, (self.end_asked_ms - self.window.end_ms) // 2)
        if quiet_end_ms is None or self.is_proved or not self.is_closed or now_ms < self.end_asked_ms + waited_ms:
            return None
        return Window(quiet_end_ms - self.slot_ms, self.window.end_ms)

    def _quiet_end_ms(self) -> int | None:
        """Return the end of the last quiet slot after the last trade; None if there is none."""
        quiet = np.flatnonzero(self.states == CODES[MinuteState.QUIET])
        end_ms = self.day_ms + (int(quiet[-1]) + 1) * self.slot_ms if len(quiet) else 0
        return end_ms if end_ms > self.last_traded_ms else None

    @property
    def state(self) -> RecordState:
        """Return the state of the record."""
        states = {stretch.state for stretch in self.stretches}
        if states & {MinuteState.FAILED, MinuteState.REJECTED}:
            return RecordState.OPEN
        if not self.is_closed:
            return RecordState.PROVISIONAL
        if states & RETRIED or MinuteState.NOT_ASKED in states or not self.is_proved:
            return RecordState.OPEN
        is_given_up = bool(self.unconfirmed) or MinuteState.UNOBTAINABLE in states
        return RecordState.UNOBTAINABLE if is_given_up else RecordState.FINAL

    def due_ms(self, rule: ClosingRule) -> int | None:
        """Return when to ask the exchange for any part of the day again; None for never."""
        due = [stretch.due_ms for stretch in self.stretches if stretch.due_ms]
        if self.unclosed():
            part_end_ms = min(self.closed_until_ms + rule.step_ms, self.window.end_ms)
            due.append(max(self.closing_due_ms, part_end_ms + rule.delay_ms))
        elif self.is_closed and not self.is_proved:
            due.append(self.end_asked_ms + PROOF_WAIT_MS)
        return min(due, default=None)

    def unmerged(self) -> list[Window]:
        """Return the windows whose answers changed since they were last merged, with neighbours joined."""
        return union(change.window for change in self.changes if change.version > self.merged_version)


def new_day_record(currency_pair: str, exchange: str, day_ms: int, slot_ms: int) -> DayRecord:
    """Return the record of a day that has not been requested yet."""
    not_asked = Stretch(start_ms=day_ms, end_ms=day_ms + DAY_MS, state=MinuteState.NOT_ASKED)
    return DayRecord(
        currency_pair=currency_pair,
        exchange=exchange,
        day_ms=day_ms,
        marks=bytes(DAY_MS // slot_ms),
        stretches=(not_asked,),
    )
