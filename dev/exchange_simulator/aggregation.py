"""Build larger candles from smaller ones, exactly."""

import numpy as np

from dev.exchange_simulator.candle_columns import (
    CLOSE,
    COUNT,
    HIGH,
    LOW,
    MAX_QUOTE,
    OPEN,
    OPEN_TIME,
    QUOTE_VOLUME,
    TAKER_QUOTE_VOLUME,
    TAKER_VOLUME,
    VOLUME,
)
from dev.exchange_simulator.hashing import Ints
from dev.exchange_simulator.timeframes import bucket_opens


def aggregate(exchange: str, timeframe: str, rows: Ints) -> Ints:
    """Return candles of a timeframe from ascending rows of a smaller one that divides it.

    First open, highest high, lowest low, last close, sums of volume and trades. Rows without trades count only if a
    bucket has no others: exchanges build a candle from its trades. A bucket without rows gives none.
    """
    if timeframe == "1m" or not len(rows):
        return rows
    opens = bucket_opens(exchange, timeframe, rows[:, OPEN_TIME])
    traded = rows[:, COUNT] > 0
    takes_part = traded | ~np.isin(opens, opens[traded])
    opens, rows = opens[takes_part], rows[takes_part]
    first = np.flatnonzero(np.diff(opens, prepend=opens[0] - 1))
    last = np.append(first[1:], len(rows)) - 1
    result: Ints = np.empty((len(first), rows.shape[1]), dtype=np.int64)
    result[:, OPEN_TIME] = opens[first]
    result[:, OPEN] = rows[first, OPEN]
    result[:, HIGH] = np.maximum.reduceat(rows[:, HIGH], first)
    result[:, LOW] = np.minimum.reduceat(rows[:, LOW], first)
    result[:, CLOSE] = rows[last, CLOSE]
    for column in (VOLUME, COUNT, TAKER_VOLUME):
        result[:, column] = np.add.reduceat(rows[:, column], first)
    for column in (QUOTE_VOLUME, TAKER_QUOTE_VOLUME):
        # As floats: a month's quote volume, in its smallest unit, may exceed 64 bits.
        quote = np.add.reduceat(rows[:, column].astype(np.float64), first)
        result[:, column] = np.minimum(quote, MAX_QUOTE)
    return result
