"""The facts about single rows: marked as unfinished, missing although there were trades, sent twice."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from candle_ingest.candles.timeframe import Timeframe
from candle_ingest.candles.window import DAY_MS, MINUTE_MS, Window
from candle_ingest.doctor.checks import TOLERANCE, Check
from candle_ingest.doctor.exchange_under_test import MINUTE, ExchangeUnderTest
from candle_ingest.doctor.finding import Observation
from candle_ingest.exchanges.wire_rows import read_flag
from candle_ingest.plurals import counted

FIVE_MINUTES, HOUR, DAY = Timeframe(5), Timeframe(60), Timeframe(1440)
CLOSED_MINUTES = 5
CLOSE, VOLUME = 4, 5


def look_at_unfinished_flag(subject: ExchangeUnderTest) -> Observation:
    """Tell whether the candle in progress is marked as unfinished, and no closed one is."""
    current_ms = MINUTE.floor_ms(subject.clock())
    answer = subject.ask(Window(current_ms - CLOSED_MINUTES * MINUTE_MS, current_ms + MINUTE_MS))
    if MINUTE.floor_ms(subject.clock()) != current_ms:
        return Observation("the minute ended during the request", None)
    marked = {int(row[0]): _is_marked(subject, sent) for row, sent in zip(answer.rows, answer.sent_rows, strict=True)}
    if current_ms not in marked:
        return Observation("no candle in progress", None)
    closed = sum(mark for time, mark in marked.items() if time < current_ms)
    seen = f"the candle in progress is {'' if marked[current_ms] else 'not '}marked, {closed} closed ones are"
    return Observation(seen, marked[current_ms] and not closed)


def _is_marked(subject: ExchangeUnderTest, sent: Any) -> bool:
    columns = subject.profile.wire_columns
    if columns is None or columns.unfinished is None:
        return False
    column, flag = columns.unfinished
    return read_flag(sent, column) == flag


def look_at_gaps(subject: ExchangeUnderTest) -> Observation:
    """Tell whether minutes that lack a candle had no trades: five-minute candles have no more volume then."""
    window = Window(
        -(-subject.full_window.start_ms // FIVE_MINUTES.ms) * FIVE_MINUTES.ms,
        FIVE_MINUTES.floor_ms(subject.full_window.end_ms),
    )
    minutes = defaultdict(list)
    for row in subject.inside(subject.full_answer, window):
        minutes[FIVE_MINUTES.floor_ms(int(row[0]))].append(float(row[VOLUME]))
    bars = subject.inside(subject.ask(window, timeframe=FIVE_MINUTES), window)
    short = [row for row in bars if len(minutes[int(row[0])]) < FIVE_MINUTES.minutes]
    gaps = sum(float(row[VOLUME]) > sum(minutes[int(row[0])]) * (1 + TOLERANCE) for row in short)
    return Observation(f"{gaps} of {counted(len(bars), 'five-minute candle')} with trades of missing minutes", not gaps)


def look_at_double_rows(subject: ExchangeUnderTest) -> Observation:
    """Tell whether the last of two daily candles of the same day is the one that its hours add up to."""
    start_ms = subject.expected.doubled_day_ms or 0
    day = Window(start_ms, start_ms + DAY_MS)
    answer = subject.ask(Window(day.start_ms - DAY_MS, day.end_ms + DAY_MS), timeframe=DAY)
    twins = subject.inside(answer, day)
    if len({tuple(row) for row in twins}) < 2:
        return Observation("no day comes twice with different values", None)
    hours = subject.inside(subject.ask(day, timeframe=HOUR), day)
    right = [number for number, row in enumerate(twins, 1) if _adds_up(row, hours)]
    return Observation(f"of {counted(len(twins), 'row')}, row {right} equals the hours", right == [len(twins)])


def _adds_up(row: Sequence[Any], hours: Sequence[Sequence[Any]]) -> bool:
    """Tell whether close and volume of a daily candle are those of its hours."""
    volume = sum({int(hour[0]): float(hour[VOLUME]) for hour in hours}.values())
    return bool(hours) and row[CLOSE] == hours[-1][CLOSE] and abs(float(row[VOLUME]) - volume) <= TOLERANCE * volume


SINGLE_ROW_CHECKS = (
    Check(
        "unfinished flag",
        lambda subject: "on the candle in progress only",
        look_at_unfinished_flag,
        applies=lambda subject: (
            subject.profile.wire_columns is not None and subject.profile.wire_columns.unfinished is not None
        ),
    ),
    # If an exchange is known to leave rows out at times, a response with all of them proves nothing.
    Check(
        "gaps",
        lambda subject: "missing minutes had no trades",
        look_at_gaps,
        applies=lambda subject: not subject.profile.may_lack_rows,
    ),
    Check(
        "double rows",
        lambda subject: "the last row is right",
        look_at_double_rows,
        applies=lambda subject: subject.profile.last_row_counts and subject.expected.doubled_day_ms is not None,
    ),
)
