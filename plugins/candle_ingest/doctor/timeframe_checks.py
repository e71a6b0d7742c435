"""The facts about longer candles: which there are, and when they open."""

from candle_ingest.candles.timeframe import Timeframe
from candle_ingest.candles.window import Window, format_ms
from candle_ingest.doctor.checks import Check
from candle_ingest.doctor.finding import Observation
from candle_ingest.doctor.patient import Patient

# Every exchange has these; daily candles are examined only where they are requested as they are.
TIMEFRAMES = (Timeframe(5), Timeframe(15), Timeframe(60))
DAY = Timeframe(1440)
HOUR_MS = Timeframe(60).ms
BARS = 3


def examined_timeframes(patient: Patient) -> list[Timeframe]:
    """Return the timeframes that are requested from the exchange instead of being built."""
    return [*TIMEFRAMES, *([DAY] if patient.client.source_of(DAY) == DAY else [])]


def look_at_timeframes(patient: Patient) -> Observation:
    """Tell whether candles of these timeframes are served, opening on the grid from midnight UTC."""
    seen, holds = [], True
    for timeframe in examined_timeframes(patient):
        times = _last_opens_ms(patient, timeframe)
        on_grid = [time for time in times if time % timeframe.ms == 0]
        seen.append(f"{timeframe}: {len(on_grid)} of {BARS}")
        holds = holds and bool(times) and len(on_grid) == len(times)
    return Observation(", ".join(seen), holds)


def look_at_shifted_days(patient: Patient) -> Observation:
    """Tell whether daily candles open at the known hour."""
    times = _last_opens_ms(patient, DAY)
    if not times:
        return Observation("no daily candle", False)
    shift_ms = patient.expected.day_opens_hour * HOUR_MS
    return Observation(f"the last opens at {format_ms(times[-1])}", all(t % DAY.ms == shift_ms for t in times))


def _last_opens_ms(patient: Patient, timeframe: Timeframe) -> list[int]:
    """Return when the candles open that lie in the last three closed bars of the grid, in ms."""
    end_ms = timeframe.floor_ms(patient.opened_ms) - timeframe.ms
    window = Window(end_ms - BARS * timeframe.ms, end_ms)
    return [int(row[0]) for row in patient.inside(patient.ask(window, timeframe=timeframe), window)]


TIMEFRAME_CHECKS = (
    Check("timeframes", lambda patient: ", ".join(map(str, examined_timeframes(patient))), look_at_timeframes),
    Check(
        "shifted days",
        lambda patient: f"1d opens at {patient.expected.day_opens_hour}:00 UTC",
        look_at_shifted_days,
        applies=lambda patient: bool(patient.expected.day_opens_hour),
    ),
)
