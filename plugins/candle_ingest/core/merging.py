"""Merging: one candle from those of several exchanges."""

import functools
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from candle_ingest.core.candles import Candles

OPEN, HIGH, LOW, CLOSE, VOLUME = range(5)


@dataclass(frozen=True, slots=True, eq=False)
class MergedCandles:
    """Merged candles: `exchange_count` of shape (n,), `source_exchanges` one text per candle, `a,b`."""

    candles: Candles
    exchange_count: NDArray[np.int64]
    source_exchanges: list[str]

    def __len__(self) -> int:
        return len(self.candles)


def merge_candles(by_exchange: Mapping[str, Candles], high_low: str = "weighted") -> MergedCandles:
    """Merge minute by minute, over the exchanges that have a candle there.

    Prices are averages weighted by each exchange's volume, volume is the sum. Where no exchange had
    volume, prices are plain averages and volume is 0. With `high_low="extremes"` the highest high and
    the lowest low are taken instead. The order of the exchanges does not matter, not even in the last
    bit: they are summed in the order of their names.
    """
    names = sorted(by_exchange)
    times = np.unique(np.concatenate([by_exchange[n].open_time_ms for n in names] or [np.empty(0, np.int64)]))
    cube = _align([by_exchange[name] for name in names], times)
    present = ~np.isnan(cube[:, :, OPEN])
    merged = _weighted(cube, present)
    if high_low == "extremes":
        merged[:, HIGH] = _extreme(np.fmax, cube[:, :, HIGH])
        merged[:, LOW] = _extreme(np.fmin, cube[:, :, LOW])
    return MergedCandles(Candles(times, merged), present.sum(axis=0), _sources(names, present))


def _align(parts: list[Candles], times: NDArray[np.int64]) -> NDArray[np.float64]:
    """Shape (exchanges, times, 5); NaN where an exchange has no candle."""
    cube = np.full((len(parts), len(times), 5), np.nan)
    for index, part in enumerate(parts):
        cube[index, np.searchsorted(times, part.open_time_ms)] = part.ohlcv
    return cube


def _weighted(cube: NDArray[np.float64], present: NDArray[np.bool_]) -> NDArray[np.float64]:
    merged = np.empty(cube.shape[1:])
    if not cube.size:
        return merged
    prices = np.where(present[:, :, None], cube[:, :, OPEN : CLOSE + 1], 0.0)
    volumes = np.where(present, cube[:, :, VOLUME], 0.0)
    weights = _weights(volumes, present)
    merged[:, OPEN : CLOSE + 1] = _within(_sum(weights[:, :, None] * prices), cube)
    merged[:, VOLUME] = _sum(volumes)
    merged[:, HIGH] = merged[:, : CLOSE + 1].max(axis=1)
    merged[:, LOW] = merged[:, : CLOSE + 1].min(axis=1)
    return merged


def _weights(volumes: NDArray[np.float64], present: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Shape (exchanges, times), each column adds up to 1.

    Volumes are divided by the largest one first: tiny and huge ones neither vanish nor overflow.
    """
    largest = volumes.max(axis=0)
    traded = largest > 0
    relative = np.where(traded, volumes / np.where(traded, largest, 1.0), present)
    weights: NDArray[np.float64] = relative / _sum(relative)
    return weights


def _sum(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Over the exchanges, one after the other: `values.sum(axis=0)` orders them by the number of times."""
    return functools.reduce(np.add, values)


def _within(averages: NDArray[np.float64], cube: NDArray[np.float64]) -> NDArray[np.float64]:
    """Take rounding back: an average lies between its lowest and its highest part."""
    prices = cube[:, :, OPEN : CLOSE + 1]
    return np.clip(averages, np.fmin.reduce(prices, axis=0), np.fmax.reduce(prices, axis=0))


def _extreme(choose: np.ufunc, prices: NDArray[np.float64]) -> NDArray[np.float64] | float:
    if not prices.size:
        return 0.0
    extreme: NDArray[np.float64] = choose.reduce(prices, axis=0)
    return extreme


def _sources(names: list[str], present: NDArray[np.bool_]) -> list[str]:
    """The names of the exchanges of each time, joined once for each combination that occurs."""
    if not names:
        return []
    combinations, index = np.unique(present.T, axis=0, return_inverse=True)
    texts = [",".join(name for name, has in zip(names, row, strict=True) if has) for row in combinations]
    return [texts[i] for i in index.ravel()]
