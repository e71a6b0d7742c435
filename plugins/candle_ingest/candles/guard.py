"""The outlier guard: find the exchanges that contradict the others in a minute, and correct the minute.

It judges each minute by itself. If it had a memory, a repair would change the minutes after it.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from candle_ingest.candles.medians import median

OPEN, HIGH, LOW, CLOSE, VOLUME = range(5)
# If two exchanges, or more without a majority, are further from their median than this, the minute is disputed.
DISPUTED = np.log1p(0.02)
# The fewest exchanges that can have a majority.
QUORUM = 3
Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Verdict:
    """What the guard found in the minutes that it had to check; `minutes` are their indices, ascending.

    `candles`, of shape (exchanges, 5, minutes), are the candles after the guard: NaN for an excluded exchange, highs
    and lows clamped. `deviations`, of shape (exchanges, 4, minutes) in the order open, high, low, close, is ln(price /
    median), NaN for an exchange without a vote. The masks have shape (exchanges, minutes). A disputed candle is
    unchanged.
    """

    minutes: NDArray[np.intp]
    candles: Floats
    deviations: Floats
    excluded: Mask
    clamped_high: Mask
    clamped_low: Mask
    disputed: Mask


def guard(cube: Floats, guard_percent: float) -> Verdict:
    """Return which exchanges contradict the others, and the candles without the outliers.

    `cube` has shape (exchanges, 5, minutes), NaN where an exchange has no candle; prices must be converted already.
    With g = ln(1 + guard_percent / 100) and the unweighted medians m over the exchanges with volume, an exchange is
    excluded if its open or close is further than g from m (as a logarithm) and more than half of three or more
    exchanges are not; the highs of the others are lowered to m·e^g, their lows raised to m·e^-g. Without such a
    majority nothing is changed. A guard_percent of 0 switches the guard off.
    """
    if guard_percent <= 0 or not cube.size:
        return _judge(cube[:, :, :0], np.empty(0, np.intp), guard_percent)
    minutes = np.flatnonzero(_may_deviate(cube, guard_percent))
    return _judge(cube[:, :, minutes], minutes, guard_percent)


def _may_deviate(cube: Floats, guard_percent: float) -> Mask:
    """Return the minutes to check. If all prices are closer together than either limit, there is nothing to find.

    That is true of almost all minutes; the medians of the few others are cheap.
    """
    within = 1 + min(guard_percent / 100, 0.02) * 0.999
    silent = ~(cube[:, VOLUME] > 0)
    suspicious = np.zeros(cube.shape[2], np.bool_)
    for price in (OPEN, HIGH, LOW, CLOSE):
        prices = cube[:, price]
        highest = np.where(silent, -np.inf, prices).max(axis=0)
        lowest = np.where(silent, np.inf, prices).min(axis=0)
        suspicious |= highest > lowest * within
    return suspicious


def _judge(cube: Floats, minutes: NDArray[np.intp], guard_percent: float) -> Verdict:
    g = np.log1p(guard_percent / 100)
    voting = cube[:, VOLUME] > 0
    prices = np.where(voting[:, None], cube[:, :VOLUME], np.nan)
    medians = median(prices)
    deviations = np.log(prices / medians)
    off = np.fmax(np.abs(deviations[:, OPEN]), np.abs(deviations[:, CLOSE]))
    voters, within = voting.sum(axis=0), (off <= g).sum(axis=0)
    majority = (voters >= QUORUM) & (2 * within > voters)
    excluded = majority & (off > g)
    judged = majority & ~excluded
    high, low = judged & (deviations[:, HIGH] > g), judged & (deviations[:, LOW] < -g)
    disputed = ~majority & ((off > DISPUTED) | _has_wick(deviations, max(g, DISPUTED)))
    candles = np.where(excluded[:, None], np.nan, _clamped(cube, medians, high, low, g))
    return Verdict(minutes, candles, deviations, excluded, high, low, disputed)


def _has_wick(deviations: Floats, limit: float) -> Mask:
    """Return where a high or low is further than `limit` from the others, even if open and close agree.

    On 2023-03-12 23:23 BTC/USDC had a high of 50,000 between an open and a close that were right to 0.1 %.
    """
    wick: Mask = (deviations[:, HIGH] > limit) | (deviations[:, LOW] < -limit)
    return wick


def _clamped(cube: Floats, medians: Floats, high: Mask, low: Mask, g: float) -> Floats:
    """Return the candles with highs and lows clamped; rounding never moves them past open and close."""
    candles = cube.copy()
    ends = cube[:, [OPEN, CLOSE]]
    highest = np.maximum(medians[HIGH] * np.exp(g), ends.max(axis=1))
    lowest = np.minimum(medians[LOW] * np.exp(-g), ends.min(axis=1))
    candles[:, HIGH] = np.where(high, highest, cube[:, HIGH])
    candles[:, LOW] = np.where(low, lowest, cube[:, LOW])
    return candles
