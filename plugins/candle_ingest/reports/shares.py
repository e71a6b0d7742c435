"""Shares as people read them: rounded, and still adding up to 100 %."""

from collections.abc import Sequence


def whole_percents(shares: Sequence[float]) -> list[float]:
    """Return shares of 1 in per cent with two decimals, which add up to 100 where the shares add up to 1.

    All are rounded down; those with the largest remainders get what that leaves (largest remainder method).

    >>> whole_percents([1 / 3, 1 / 3, 1 / 3])
    [33.34, 33.33, 33.33]
    """
    exact = [share * 10_000 for share in shares]
    hundredths = [int(value) for value in exact]
    left = round(sum(exact)) - sum(hundredths)
    by_remainder = sorted(range(len(exact)), key=lambda place: hundredths[place] - exact[place])
    for place in by_remainder[:left]:
        hundredths[place] += 1
    return [value / 100 for value in hundredths]
