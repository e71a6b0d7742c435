"""Measure how soon after its close a candle is published with its final values."""

import time
from collections.abc import Callable, Sequence
from statistics import median

from candle_ingest.candles.window import MINUTE_MS, Window
from candle_ingest.doctor.exchange_under_test import ExchangeUnderTest
from candle_ingest.doctor.finding import Finding, Observation, Verdict
from candle_ingest.errors import CandleIngestError
from candle_ingest.plurals import counted

FACT = "publication delay"
# Catch-up requests candles up to five minutes after the close; a delay of over a minute is worth reporting.
LATEST_SECONDS = 60
EXPECTED = f"within {LATEST_SECONDS} s"
# Seconds after the close at which the candle is requested.
LOOKS_SECONDS = (1, 3, 8, 20, 45, LATEST_SECONDS)
Row = tuple[float, ...]


def measure_publication(
    subjects: Sequence[ExchangeUnderTest], minutes: int, sleep: Callable[[float], None] = time.sleep
) -> list[Finding]:
    """Watch `minutes` closes on all exchanges at the same time; return a finding for each exchange."""
    watches = [_Watch(subject) for subject in subjects]
    for _ in range(minutes):
        _watch_minute(watches, sleep)
    return [watch.finding() for watch in watches]


def _watch_minute(watches: list["_Watch"], sleep: Callable[[float], None]) -> None:
    clock = watches[0].subject.clock
    close_ms = clock() // MINUTE_MS * MINUTE_MS + MINUTE_MS
    for number, seconds in enumerate(LOOKS_SECONDS):
        sleep(max(0.0, (close_ms + seconds * 1000 - clock()) / 1000))
        for watch in watches:
            watch.look(close_ms, number)


class _Watch:
    """The observations of one exchange: for each close, the row at each look."""

    def __init__(self, subject: ExchangeUnderTest) -> None:
        self.subject = subject
        self._rows: dict[int, list[tuple[float, Row | None]]] = {}
        self._error = ""

    def look(self, close_ms: int, number: int) -> None:
        """Request the candle that closed then. Each look uses a different window, to avoid caches."""
        if self._error:
            return
        window = Window(close_ms - (5 + number) * MINUTE_MS, close_ms)
        try:
            rows = self.subject.ask(window).rows
        except CandleIngestError as error:
            self._error = str(error)
            return
        found = next((tuple(row) for row in rows if row[0] == close_ms - MINUTE_MS), None)
        self._rows.setdefault(close_ms, []).append(((self.subject.clock() - close_ms) / 1000, found))

    def finding(self) -> Finding:
        """Return the median and the longest delay."""
        if self._error:
            return Finding(self.subject.client.exchange, FACT, EXPECTED, self._error, Verdict.NO_ANSWER)
        observation = observe_delays([delay_seconds(looks) for looks in self._rows.values()])
        return Finding(self.subject.client.exchange, FACT, EXPECTED, observation.seen, observation.verdict)


def delay_seconds(looks: list[tuple[float, Row | None]]) -> float | None:
    """Return when the row first had the values of the last look; None if it never appeared."""
    final = looks[-1][1]
    if final is None:
        return None
    delay = looks[-1][0]
    for seconds, row in reversed(looks):
        if row != final:
            break
        delay = seconds
    return delay


def observe_delays(delays: list[float | None]) -> Observation:
    """Summarise the delays of some closes, in seconds; None means that a candle never appeared."""
    known = [delay for delay in delays if delay is not None]
    if not known:
        return Observation(f"none of {counted(len(delays), 'candle')} within {LATEST_SECONDS} s", False)
    missing = f", {len(delays) - len(known)} of {len(delays)} missing" if len(known) < len(delays) else ""
    # A single missing candle may be a quiet minute; a value that still changes at the last look is too late.
    late = max(known) >= LATEST_SECONDS
    seen = f"median {median(known):.0f} s, worst {max(known):.0f} s{missing}"
    return Observation(seen, not late and len(known) * 2 > len(delays))
