"""Looks at a day for tests of its record."""

import numpy as np
from hypothesis import strategies as st

from candle_ingest.candles.pace import Pace
from candle_ingest.candles.window import DAY_MS, MINUTE_MS
from candle_ingest.ledger.day_record import ClosingRule, DayRecord, new_day_record
from candle_ingest.ledger.fold import fold
from candle_ingest.ledger.look import Found, Look, Surroundings
from tests.candle_ingest.day import DAY, minutes

HOUR = 60 * MINUTE_MS
# When the closing look at the day is due.
CLOSED_MS = DAY + DAY_MS + HOUR
RULE = ClosingRule(HOUR)
BUSY = Surroundings(history=Pace(1440 * 7, 1440 * 7))
THIN = Surroundings(history=Pace(24 * 7, 1440 * 7))
EMPTY = new_day_record("BTC/USD", "kraken", DAY, MINUTE_MS)

_WINDOWS = st.tuples(st.integers(0, 1440), st.integers(0, 1440)).map(sorted).map(tuple)


def look(first=0, last=1440, traded=(), flat=(), asked_ms=CLOSED_MS, version=1, closing=False, missing=(), **found):
    """Return a look at the minutes from `first` to before `last`; `traded` and `flat` are numbers of minutes.

    `missing` and the windows of each kind in `found`, such as `failed`, are pairs of such numbers.
    """
    times = {name: np.array([DAY + m * MINUTE_MS for m in ms], np.int64) for name, ms in (("t", traded), ("f", flat))}
    groups = {name: tuple(Found(minutes(*w), name) for w in windows) for name, windows in found.items()}
    return Look(
        window=minutes(first, last),
        asked_at_ms=asked_ms,
        version=version,
        market="BTC/USD",
        open_times_ms=np.sort(np.concatenate([times["t"], times["f"]])),
        traded_ms=times["t"],
        missing=tuple(minutes(*window) for window in missing),
        closing=minutes(first, last) if closing else None,
        **groups,
    )


def closing(**options) -> Look:
    """Return a closing look at the day."""
    return look(closing=True, **options)


def counts(record: DayRecord) -> dict[str, int]:
    """Return the counts of a record that are not 0."""
    return {name: count for name, count in record.counts().to_dict().items() if count and name != "expected"}


def failing(record: DayRecord, asked_ms: int | None) -> DayRecord:
    """Let each closing look fail, beginning at `asked_ms`, until no more is due."""
    while asked_ms is not None:
        record = fold(record, closing(failed=[(0, 1440)], asked_ms=asked_ms), BUSY)
        asked_ms = record.due_ms(RULE)
    return record


def closing_given_up() -> DayRecord:
    """Return the record of a day with all candles whose closing look was given up."""
    record = fold(EMPTY, look(traded=range(1440), asked_ms=DAY + DAY_MS), BUSY)
    return failing(record, CLOSED_MS)


@st.composite
def looks(draw):
    """Draw a look at some minutes of the day."""
    first, last = draw(_WINDOWS.filter(lambda w: w[0] < w[1]))
    within = st.integers(first, last - 1)
    # A minute of an answer has one fate: the parts do not overlap.
    cuts = sorted(draw(st.lists(within, min_size=8, max_size=8)))
    names = draw(st.permutations(["failed", "rejected", "unobtainable", "not_listed"]))
    parts = zip(names, zip(cuts[::2], cuts[1::2], strict=True), strict=True)
    found = {name: [part] for name, part in parts if part[0] < part[1] and draw(st.booleans())}
    asked_ms = CLOSED_MS + draw(st.integers(0, 40)) * DAY_MS // 2
    taken = {m for group in found.values() for w in group for m in range(*w)}
    traded = [m for m in draw(st.sets(within, max_size=200)) if m not in taken]
    lacking = draw(st.lists(st.tuples(within, within).map(sorted), max_size=2))
    version = draw(st.integers(1, 99))
    return look(first, last, traded=traded, asked_ms=asked_ms, version=version, missing=lacking, **found)
