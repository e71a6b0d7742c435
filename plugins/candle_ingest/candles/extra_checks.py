"""Check the values that some exchanges send in addition to OHLCV.

A candle with impossible extra values loses those and keeps its OHLCV.
"""

from collections import Counter
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from candle_ingest.candles.candles import FIELDS, Candles

VWAP_OUTSIDE = "vwap outside low and high, extra values dropped"
IMPOSSIBLE = "impossible extra values, dropped"
# Room for the rounding of floats, and for volumes that an exchange has rounded to eight digits.
RELATIVE_TOLERANCE = 1e-6
QUOTE_VOLUME_TOLERANCE = 1e-8
# Far above any market's trades of a day. Sums over the candles of a day and all exchanges stay below 2**53, up to which
# a float is exact and is written without an exponent, which InfluxDB refuses in an integer.
MAX_TRADE_COUNT = 10**11


def without_unsound_extras(candles: Candles) -> tuple[Candles, Counter[str]]:
    """Return the candles without impossible extra values, and how many lost them, by reason.

    Quote volume over base volume, the VWAP, must lie between low and high. The number of trades must be whole and
    at most MAX_TRADE_COUNT, and takers cannot buy more than the volume. NaN means that a value is not served.
    """
    if not len(candles) or np.isnan(candles.extras).all():
        return candles, Counter()
    with np.errstate(invalid="ignore"):
        impossible, outside = _impossible(candles), _vwap_outside(candles)
    unsound = impossible | outside
    if not unsound.any():
        return candles, Counter()
    extras = candles.extras.copy()
    extras[unsound] = np.nan
    counts = {VWAP_OUTSIDE: int((outside & ~impossible).sum()), IMPOSSIBLE: int(impossible.sum())}
    return replace(candles, extras=extras), +Counter(counts)


def _impossible(candles: Candles) -> NDArray[np.bool_]:
    quote_volume, trade_count, taker_volume = candles.extras.T
    volume = candles.ohlcv[:, FIELDS.index("volume")]
    negative = (quote_volume < 0) | (trade_count < 0) | (taker_volume < 0) | np.isinf(candles.extras).any(axis=1)
    bought_more = taker_volume > volume * (1 + RELATIVE_TOLERANCE)
    no_count = ~np.isnan(trade_count) & ((trade_count % 1 != 0) | (trade_count > MAX_TRADE_COUNT))
    found: NDArray[np.bool_] = negative | bought_more | no_count
    return found


def _vwap_outside(candles: Candles) -> NDArray[np.bool_]:
    """Return where the VWAP lies outside low and high; without volume, where there is a quote volume all the same.

    Amounts are compared, as the VWAP of a tiny volume is mostly rounding.
    """
    _, high, low, _, volume = candles.ohlcv.T
    quote_volume = candles.extra_column("quote_volume")
    least = low * volume * (1 - RELATIVE_TOLERANCE) - QUOTE_VOLUME_TOLERANCE
    most = high * volume * (1 + RELATIVE_TOLERANCE) + QUOTE_VOLUME_TOLERANCE
    found: NDArray[np.bool_] = (quote_volume < least) | (quote_volume > most)
    return found
