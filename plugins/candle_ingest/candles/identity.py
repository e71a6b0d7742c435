"""The identity check: whether an exchange trades the same asset, in the same unit, as the others.

The same ticker can mean another coin elsewhere (LUNA and LUNC) or another unit (1000SHIB).
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np

from candle_ingest.candles.candles import FIELDS, Candles

LOWEST_RATIO, HIGHEST_RATIO = 0.8, 1.25
COMMON_MINUTES = 30
CLOSE, VOLUME = FIELDS.index("close"), FIELDS.index("volume")
Ratios = Mapping[tuple[str, str], float]


@dataclass(frozen=True, slots=True)
class Mismatch:
    """An exchange that trades something else: `ratio` is the median of its closes over those of `other`."""

    exchange: str
    other: str
    ratio: float

    def __str__(self) -> str:
        return (
            f"{self.exchange} trades at {self.ratio:.4g} times the price of {self.other}: "
            "another asset or another unit under the same ticker"
        )


def close_ratios(by_exchange: Mapping[str, Candles]) -> Ratios:
    """Return the median ratio of the closes of each ordered pair of exchanges, over their common minutes with volume.

    With fewer than 30 such minutes they are not compared. The candles must be converted already.
    """
    closes = {name: _traded_closes(candles) for name, candles in by_exchange.items()}
    ratios: dict[tuple[str, str], float] = {}
    for one in closes:
        for other in closes:
            _, own, its = np.intersect1d(closes[one][0], closes[other][0], assume_unique=True, return_indices=True)
            if one != other and len(own) >= COMMON_MINUTES:
                ratios[one, other] = float(np.median(closes[one][1][own] / closes[other][1][its]))
    return ratios


def compared_exchanges(ratios: Ratios) -> list[str]:
    """Return the exchanges that were compared with at least one other, in order of their names."""
    return sorted({one for one, _ in ratios})


def mismatches(ratios: Ratios, established: Collection[str] = ()) -> list[Mismatch]:
    """Return the exchanges that trade something other than the rest, in order of their names.

    Two exchanges agree if the median ratio of their closes lies within [0.8, 1.25]. The largest group that agrees is
    right. Between groups of the same size, the one with more `established` exchanges (those used before) is right. If
    that does not decide either, all of them are returned, because there is no way to know which is right.
    """
    groups = _groups(compared_exchanges(ratios), ratios)
    if len(groups) < 2:
        return []
    ranks = [(len(group), len(group & set(established))) for group in groups]
    right = [group for group, rank in zip(groups, ranks, strict=True) if rank == max(ranks)]
    wrong = sorted(set().union(*groups) - (right[0] if len(right) == 1 else set()))
    return [found for name in wrong if (found := _mismatch(name, wrong, ratios))]


def _traded_closes(candles: Candles) -> tuple[np.ndarray, np.ndarray]:
    traded = candles.ohlcv[:, VOLUME] > 0
    return candles.open_time_ms[traded], candles.ohlcv[traded, CLOSE]


def _groups(names: list[str], ratios: Ratios) -> list[set[str]]:
    """Return the exchanges in groups in which each agrees with at least one other."""
    groups: list[set[str]] = []
    for name in names:
        agreeing = {other for other in names if _agree(ratios.get((name, other)))} | {name}
        joined = [group for group in groups if group & agreeing]
        groups = [group for group in groups if not group & agreeing] + [agreeing.union(*joined)]
    return groups


def _agree(ratio: float | None) -> bool:
    return ratio is not None and LOWEST_RATIO <= ratio <= HIGHEST_RATIO


def _mismatch(name: str, wrong: list[str], ratios: Ratios) -> Mismatch | None:
    """Return how far an exchange is from one that it contradicts, preferably one of the right group."""
    others = [other for one, other in ratios if one == name and not _agree(ratios[one, other])]
    if not others:
        return None
    other = min(others, key=lambda other: (other in wrong, other))
    return Mismatch(name, other, ratios[name, other])
