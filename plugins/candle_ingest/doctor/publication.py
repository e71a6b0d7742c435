"""How soon after its close a candle is there, with its last values."""

import time
from collections.abc import Callable, Sequence
from statistics import median

from candle_ingest.candles.window import MINUTE_MS, Window
from candle_ingest.doctor.finding import Finding, Observation, Verdict
from candle_ingest.doctor.patient import Patient
from candle_ingest.errors import CandleIngestError

FACT = "publication delay"
# Catch-up asks five minutes after the close; later than a minute is worth knowing.
LATEST_SECONDS = 60
EXPECTED = f"within {LATEST_SECONDS} s"
# Seconds after the close at which the candle is looked at.
LOOKS_SECONDS = (1, 3, 8, 20, 45, LATEST_SECONDS)
Row = tuple[float, ...]


def measure_publication(
    patients: Sequence[Patient], minutes: int, sleep: Callable[[float], None] = time.sleep
) -> list[Finding]:
    """Return a finding for each exchange, after having watched so many minutes close on all of them together."""
    watches = [_Watch(patient) for patient in patients]
    for _ in range(minutes):
        _watch_minute(watches, sleep)
    return [watch.finding() for watch in watches]


def _watch_minute(watches: list["_Watch"], sleep: Callable[[float], None]) -> None:
    clock = watches[0].patient.clock
    close_ms = clock() // MINUTE_MS * MINUTE_MS + MINUTE_MS
    for number, seconds in enumerate(LOOKS_SECONDS):
        sleep(max(0.0, (close_ms + seconds * 1000 - clock()) / 1000))
        for watch in watches:
            watch.look(close_ms, number)


class _Watch:
    """What was seen of one exchange: for each close, the row at each look."""

    def __init__(self, patient: Patient) -> None:
        self.patient = patient
        self._rows: dict[int, list[tuple[float, Row | None]]] = {}
        self._error = ""

    def look(self, close_ms: int, number: int) -> None:
        """Look for the candle that closed then. Each look asks for another window, as a cache answers an equal one."""
        if self._error:
            return
        window = Window(close_ms - (5 + number) * MINUTE_MS, close_ms)
        try:
            rows = self.patient.ask(window).rows
        except CandleIngestError as error:
            self._error = str(error)
            return
        found = next((tuple(row) for row in rows if row[0] == close_ms - MINUTE_MS), None)
        self._rows.setdefault(close_ms, []).append(((self.patient.clock() - close_ms) / 1000, found))

    def finding(self) -> Finding:
        """Return the median and the worst delay."""
        if self._error:
            return Finding(self.patient.client.exchange, FACT, EXPECTED, self._error, Verdict.NO_ANSWER)
        observation = observe_delays([delay_seconds(looks) for looks in self._rows.values()])
        return Finding(self.patient.client.exchange, FACT, EXPECTED, observation.seen, observation.verdict)


def delay_seconds(looks: list[tuple[float, Row | None]]) -> float | None:
    """Return when the row was first seen as it was at the last look; None where it was not there at all."""
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
    """Return what the delays of some closes, in seconds, say; None stands for a candle that was not there at all."""
    known = [delay for delay in delays if delay is not None]
    if not known:
        return Observation(f"none of {len(delays)} candles within {LATEST_SECONDS} s", False)
    missing = f", {len(delays) - len(known)} of {len(delays)} missing" if len(known) < len(delays) else ""
    # A single candle that is missing may be a quiet minute; a value that still changes at the last look is too late.
    late = max(known) >= LATEST_SECONDS
    seen = f"median {median(known):.0f} s, worst {max(known):.0f} s{missing}"
    return Observation(seen, not late and len(known) * 2 > len(delays))
