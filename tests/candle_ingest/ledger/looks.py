"""Looks at a day for tests of its record."""

import numpy as np

from candle_ingest.candles.pace import Pace
from candle_ingest.candles.window import DAY_MS, MINUTE_MS
from candle_ingest.ledger.day_record import ClosingRule, DayRecord, new_day_record
from candle_ingest.ledger.look import Found, Look, Surroundings
from tests.candle_ingest.day import DAY, minutes

HOUR = 60 * MINUTE_MS
# When the closing look at the day is due.
CLOSED_MS = DAY + DAY_MS + HOUR
RULE = ClosingRule(HOUR)
BUSY = Surroundings(history=Pace(1440 * 7, 1440 * 7))
THIN = Surroundings(history=Pace(24 * 7, 1440 * 7))
EMPTY = new_day_record("BTC/USD", "kraken", DAY, MINUTE_MS)


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
