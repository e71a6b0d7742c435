"""Checks of the columns beside OHLCV: quote volume, trade count and taker buy volume."""

import numpy as np
from numpy.typing import NDArray

from candle_ingest.candles.candles import FIELDS, Candles

# Exchanges round quote volumes to as few as eight significant digits; 1e-6 is 0.01 bp of the price.
TOLERANCE = 1e-6
UNSOUND = "quote volume / volume outside low to high"


def with_sound_extras(candles: Candles) -> tuple[Candles, int]:
    """Return the candles without the extras that contradict their OHLCV, and the number of candles that lost them.

    Extras are sound where all served values are finite and not negative, trades are whole, takers bought at most the
    volume, and quote volume / volume lies within [low, high]. A candle with unsound extras keeps its OHLCV.
    """
    extras = candles.extras
    unsound = ~np.isnan(extras).all(axis=1) & ~_are_sound(candles)
    if not unsound.any():
        return candles, 0
    kept = np.where(unsound[:, None], np.nan, extras)
    return Candles(candles.open_time_ms, candles.ohlcv, kept), int(unsound.sum())


def _are_sound(candles: Candles) -> NDArray[np.bool_]:
    """Shape (n,). A value that is not served contradicts nothing: each comparison is against its opposite."""
    low, high, volume = (candles.ohlcv[:, FIELDS.index(name)] for name in ("low", "high", "volume"))
    quote, trades, taker = candles.extras.T
    with np.errstate(over="ignore"):
        slack = 1 + TOLERANCE
        outside = (quote > high * volume * slack) | (quote < low * volume / slack)
    impossible = (candles.extras < 0).any(axis=1) | np.isinf(candles.extras).any(axis=1)
    with np.errstate(invalid="ignore"):
        impossible |= trades % 1 > 0
    sound: NDArray[np.bool_] = ~(outside | impossible | (taker > volume * slack))
    return sound
