"""Medians over few rows of many columns with missing values."""

import numpy as np
from numpy.typing import NDArray


def median(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the unweighted median along the first axis, ignoring NaN; NaN if all values are.

    `np.nanmedian` gives the same, about thirty times slower for a few rows of many columns.
    """
    if not len(values):
        return np.full(values.shape[1:], np.nan)
    counts = (~np.isnan(values)).sum(axis=0)
    rows = _ordered(values)
    middle = _middle(rows[(len(rows) - 1) // 2], rows[len(rows) // 2])
    for count in range(len(rows)):
        if (fewer := counts == count).any():
            lower, upper = rows[max(count - 1, 0) // 2][fewer], rows[count // 2][fewer]
            middle[fewer] = _middle(lower, upper) if count else np.nan
    return middle


def _ordered(values: NDArray[np.float64]) -> list[NDArray[np.float64]]:
    """Return the rows so that each column ascends, with infinity in place of NaN at the end.

    Neighbours are swapped in as many rounds as there are rows (odd-even transposition sort): each swap is two passes
    over contiguous memory, five times as fast as `np.sort` along the first axis of five rows.
    """
    rows = list(np.where(np.isnan(values), np.inf, values))
    for turn in range(len(rows)):
        for at in range(turn % 2, len(rows) - 1, 2):
            rows[at], rows[at + 1] = np.minimum(rows[at], rows[at + 1]), np.maximum(rows[at], rows[at + 1])
    return rows


def _middle(lower: NDArray[np.float64], upper: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return (lower + upper) / 2. Halves are added, so that large prices do not overflow and equal ones stay equal."""
    middle: NDArray[np.float64] = np.where(lower == upper, lower, lower / 2 + upper / 2)
    return middle
