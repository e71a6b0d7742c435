"""The facts about longer candles: which there are, and when they open."""

from candle_ingest.candles.timeframe import Timeframe
from candle_ingest.candles.window import Window, format_ms
from candle_ingest.doctor.checks import Check
from candle_ingest.doctor.exchange_under_test import ExchangeUnderTest
from candle_ingest.doctor.finding import Observation

# Every exchange has these; daily candles are examined only where they are requested as they are.
TIMEFRAMES = (Timeframe(5), Timeframe(15), Timeframe(60))
DAY = Timeframe(1440)
HOUR_MS = Timeframe(60).ms
BARS = 3


def examined_timeframes(subject: ExchangeUnderTest) -> list[Timeframe]:
    """Return the timeframes that are requested from the exchange instead of being built."""
    return [*TIMEFRAMES, *([DAY] if subject.client.source_of(DAY) == DAY else [])]


def look_at_timeframes(subject: ExchangeUnderTest) -> Observation:
    """Tell whether candles of these timeframes are served, opening on the grid from midnight UTC."""
    seen, holds = [], True
    for timeframe in examined_timeframes(subject):
        times = _last_opens_ms(subject, timeframe)
        on_grid = [time for time in times if time % timeframe.ms == 0]
        seen.append(f"{timeframe}: {len(on_grid)} of {BARS}")
        holds = holds and bool(times) and len(on_grid) == len(times)
    return Observation(", ".join(seen), holds)


def look_at_shifted_days(subject: ExchangeUnderTest) -> Observation:
    """Tell whether daily candles open at the known hour."""
    times = _last_opens_ms(subject, DAY)
    if not times:
        return Observation("no daily candle", False)
    shift_ms = subject.expected.day_opens_hour * HOUR_MS
    return Observation(f"the last opens at {format_ms(times[-1])}", all(t % DAY.ms == shift_ms for t in times))


def _last_opens_ms(subject: ExchangeUnderTest, timeframe: Timeframe) -> list[int]:
    """Return when the candles open that lie in the last three closed bars of the grid, in ms."""
    end_ms = timeframe.floor_ms(subject.opened_ms) - timeframe.ms
    window = Window(end_ms - BARS * timeframe.ms, end_ms)
    return [int(row[0]) for row in subject.inside(subject.ask(window, timeframe=timeframe), window)]


TIMEFRAME_CHECKS = (
    Check("timeframes", lambda subject: ", ".join(map(str, examined_timeframes(subject))), look_at_timeframes),
    Check(
        "shifted days",
        lambda subject: f"1d opens at {subject.expected.day_opens_hour}:00 UTC",
        look_at_shifted_days,
        applies=lambda subject: bool(subject.expected.day_opens_hour),
    ),
)
