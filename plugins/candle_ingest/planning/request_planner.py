"""Decide what to request from one exchange, by the records of a pair's days."""

import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from candle_ingest.candles.timeframe import Timeframe
from candle_ingest.candles.window import DAY_MS, MINUTE_MS, Window, floor_ms, split_days, subtract, union
from candle_ingest.exchanges.call_estimate import candle_calls
from candle_ingest.exchanges.history import split_by_age
from candle_ingest.exchanges.profiles import ExchangeProfile, exchange_profile
from candle_ingest.exchanges.source_timeframe import source_timeframe
from candle_ingest.ledger.day_record import ClosingRule, DayRecord
from candle_ingest.ledger.day_records import Key
from candle_ingest.ledger.minute_state import MinuteState
from candle_ingest.planning.run import Run
from candle_ingest.settings import PipelineSettings

# Catch-up retries what is open this far back; older times are left to repair.
RECENT_MS = 120 * MINUTE_MS
# Each pair gets a second look once an hour.
SECOND_LOOK_MINUTES = 60
# An exchange that keeps only recent hours is asked for them this many rows before they are gone.
HISTORY_MARGIN_ROWS = 120
UNANSWERED = (MinuteState.NOT_ASKED, MinuteState.FAILED, MinuteState.REJECTED)
ASKED = tuple(state for state in MinuteState if state != MinuteState.NOT_ASKED)
# By midnight in ms.
Days = Mapping[int, DayRecord]


def closing_rule(settings: PipelineSettings, exchange: str) -> ClosingRule:
    """Return when an exchange gets its closing look at a day: in parts if it serves only the last hours."""
    delay_ms, slot_ms = settings.closing_delay_minutes * MINUTE_MS, settings.timeframe.ms
    history_rows = exchange_profile(exchange).history_rows
    if history_rows is None:
        return ClosingRule(delay_ms, slot_ms=slot_ms)
    source = source_timeframe(exchange, settings.timeframe)
    step_ms = max(1, history_rows - HISTORY_MARGIN_ROWS) * source.ms
    return ClosingRule(delay_ms, min(DAY_MS, step_ms), slot_ms)


def closing_part(window: Window, asked_at_ms: int, rule: ClosingRule) -> Window | None:
    """Return the part of `window` (within one day) that counts as a closing look; None if none does."""
    day_end_ms = floor_ms(window.start_ms, DAY_MS) + DAY_MS
    over_ms = floor_ms(asked_at_ms - rule.delay_ms, rule.slot_ms)
    if over_ms >= day_end_ms:
        return window
    if rule.step_ms >= DAY_MS:
        return None
    return Window(window.start_ms, min(max(over_ms, window.start_ms), window.end_ms)) or None


@dataclass(frozen=True, slots=True)
class RequestPlanner:
    """The rules for choosing the windows to request from one exchange in one run, as candles of `source`."""

    run: Run
    rule: ClosingRule
    profile: ExchangeProfile
    source: Timeframe

    @classmethod
    def of(cls, run: Run, exchange: str) -> "RequestPlanner":
        """Return the rules for an exchange."""
        source = source_timeframe(exchange, run.timeframe)
        return cls(run, closing_rule(run.settings, exchange), exchange_profile(exchange), source)

    def for_fixed_window(self, window: Window, days: Days) -> list[Window]:
        """Return the parts of `window` to request: none where all is final."""
        if self.run.refetch:
            return [window]
        parts = [part for day in split_days(window) for part in self._for_day(day, days)]
        return self.fewest_requests(parts)

    def _for_day(self, part: Window, days: Days) -> Iterator[Window]:
        record = days.get(floor_ms(part.start_ms, DAY_MS))
        if record is None:
            yield part
            return
        wanted = [*record.windows_of(UNANSWERED), *self._due_windows(record), *self._closing_windows(record)]
        given_up = record.windows_of((MinuteState.UNOBTAINABLE,))
        for window in union(w.intersection(part) for w in wanted):
            yield from subtract(window, given_up)

    def _closing_windows(self, record: DayRecord) -> list[Window]:
        """Return the parts of the day that still need a closing look and ended long enough ago."""
        closable = closing_part(record.window, self.run.now_ms, self.rule)
        if closable is None:
            return []
        return [part for window in record.unclosed() if (part := window.intersection(closable))]

    def _due_windows(self, record: DayRecord) -> list[Window]:
        return [s.window for s in record.stretches if s.due_ms and s.due_ms <= self.run.now_ms]

    def for_repair(self, record: DayRecord) -> list[Window]:
        """Return what is due on a day: open stretches, the closing look, and a quiet end that is not proved yet."""
        due = self._due_windows(record)
        if proof := record.proof_window(self.run.now_ms):
            due.append(proof)
        if record.closing_due_ms <= self.run.now_ms:
            due += self._closing_windows(record)
        return self.fewest_requests(union(due))

    def for_catch_up(self, pair: str, days: Days, first_ms: Callable[[str], int]) -> list[Window]:
        """Return one window up to the end of the run.

        It begins with the first minute that was never requested (`first_ms(pair)` if there is no record), or earlier if
        something in the last two hours is open. Once an hour it begins two hours back, for the second look.
        """
        end_ms = self.run.fetch_end_ms
        first_asked_ms = self._first_asked_ms(days)
        if first_asked_ms is None:
            window = Window(min(first_ms(pair), end_ms), end_ms)
            return [window] if window else []
        start_ms = min(self._first_unasked_ms(pair, days, first_asked_ms, first_ms), end_ms)
        recent_ms = max(end_ms - RECENT_MS, first_asked_ms)
        if self.run.refetch or self._is_second_look(pair, end_ms):
            start_ms = min(start_ms, recent_ms)
        open_ms = self._first_open_ms(days, Window(min(recent_ms, start_ms), start_ms))
        window = Window(max(0, min(start_ms, open_ms)), end_ms)
        return [window] if window else []

    def _first_asked_ms(self, days: Days) -> int | None:
        """Return the start of the first part that was requested; None if none was."""
        asked = (w.start_ms for record in days.values() for w in record.windows_of(ASKED))
        return min(asked, default=None)

    def _first_unasked_ms(self, pair: str, days: Days, first_asked_ms: int, first_ms: Callable[[str], int]) -> int:
        """Return the start of the first part that was not requested.

        The time before all records counts only if the records begin after the start of the span that is read. That
        happens after a backfill or a manual run while catch-up was stopped.
        """
        if first_asked_ms > self.span_to_read().start_ms and (wanted_ms := first_ms(pair)) < first_asked_ms:
            return wanted_ms
        answered = union(w for record in days.values() for w in record.windows_of(ASKED))
        return answered[0].end_ms

    def _first_open_ms(self, days: Days, recent: Window) -> int:
        states = (*UNANSWERED, MinuteState.SILENT)
        windows = (w.intersection(recent) for record in days.values() for w in record.windows_of(states))
        return min((w.start_ms for w in windows if w), default=recent.end_ms)

    def _is_second_look(self, pair: str, end_ms: int) -> bool:
        """Tell whether this run makes the pair's second look of the hour; pairs are spread over the hour."""
        if self.run.interval is None:
            return False
        minutes = max(1, (self.run.interval.end_ms - self.run.interval.start_ms) // MINUTE_MS)
        turn = zlib.crc32(pair.encode()) % SECOND_LOOK_MINUTES
        return (turn - end_ms // MINUTE_MS) % SECOND_LOOK_MINUTES < minutes

    def fewest_requests(self, windows: Sequence[Window]) -> list[Window]:
        """Return the windows, joining neighbours where that takes no more requests."""
        joined: list[Window] = []
        for window in union(windows):
            whole = Window(joined[-1].start_ms, window.end_ms) if joined else window
            if joined and self.calls([whole]) <= self.calls([joined[-1], window]):
                joined[-1] = whole
            else:
                joined.append(window)
        return joined

    def calls(self, windows: Sequence[Window]) -> int:
        """Return the least number of requests for the windows; where trades are requested instead, it takes more."""
        return sum(candle_calls(self.profile, window, self.source) for window in windows)

    def served_as_trades(self, window: Window) -> Window:
        """Return the part of the window for which trades are requested, as its candles are no longer served."""
        old, _ = split_by_age(self.profile, window, self.run.timeframe, self.source, self.run.now_ms)
        return old if self.profile.trades_per_request is not None else Window(old.start_ms, old.start_ms)

    def span_to_read(self) -> Window:
        """Return the span of the records to read, including the adjacent days needed to judge silences.

        For catch-up that includes the day before yesterday: yesterday alone may have been recorded by a backfill.
        """
        fixed = self.run.fixed_window()
        if fixed is not None:
            return Window(max(0, fixed.start_ms - DAY_MS), fixed.end_ms + DAY_MS)
        end_ms = self.run.fetch_end_ms
        return Window(max(0, floor_ms(end_ms, DAY_MS) - 2 * DAY_MS), end_ms)

    def windows(self, pair: str, days: Days, first_ms: Callable[[str], int]) -> list[Window]:
        """Return what a backfill or catch-up run requests; without a record, catch-up begins at `first_ms(pair)`."""
        fixed = self.run.fixed_window()
        if fixed is not None:
            return self.for_fixed_window(fixed, days)
        return self.for_catch_up(pair, days, first_ms)


def days_by_pair(records: Mapping[Key, DayRecord]) -> dict[str, dict[int, DayRecord]]:
    """Return the records of one exchange by pair and day."""
    found: dict[str, dict[int, DayRecord]] = {}
    for (pair, _, day_ms), record in records.items():
        found.setdefault(pair, {})[day_ms] = record
    return found
