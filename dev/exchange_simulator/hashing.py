"""Pseudo-random numbers that depend only on their arguments, so that the market needs no memory."""

import zlib

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)


def seed_of(*parts: object) -> int:
    """Return a 32-bit seed from a name; the same in every process, unlike `hash`."""
    return zlib.crc32(":".join(map(str, parts)).encode())


def uniform(seed: int, index: Ints) -> Floats:
    """Return one number in (0, 1) for each index, by splitmix64."""
    with np.errstate(over="ignore"):
        x = index.astype(np.uint64) + np.uint64(seed) * _GOLDEN
        x = (x ^ (x >> np.uint64(30))) * _MIX_1
        x = (x ^ (x >> np.uint64(27))) * _MIX_2
        x ^= x >> np.uint64(31)
    return ((x >> np.uint64(11)).astype(np.float64) + 0.5) / 2.0**53


def uniform_one(seed: int, index: int) -> float:
    """Return the same for one index."""
    return float(uniform(seed, np.array([index], dtype=np.int64))[0])


def noise(seed: int, minutes: Ints, periods: tuple[int, ...], scale: float) -> Floats:
    """Return continuous noise at the given minutes; consecutive minutes must be ascending.

    Each period is a lattice of random heights, joined by straight lines. A height grows with the root of its period, so
    that the sum wanders like a price but never exceeds scale times the sum of the roots.
    """
    total = np.zeros(len(minutes))
    for octave, period in enumerate(periods):
        cell = minutes // period
        share = (minutes - cell * period) / period
        first = int(cell[0])
        heights = 2 * uniform(seed + octave, np.arange(first, int(cell[-1]) + 2)) - 1
        at = cell - first
        total += scale * period**0.5 * (heights[at] * (1 - share) + heights[at + 1] * share)
    return total
