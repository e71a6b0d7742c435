"""Merging: one candle from those of several exchanges."""

import functools
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from candle_ingest.candles.candles import Candles

OPEN, HIGH, LOW, CLOSE, VOLUME = range(5)


@dataclass(frozen=True, slots=True, eq=False)
class MergedCandles:
    """Merged candles: `exchange_count` of shape (n,), `source_exchanges` one text per candle, `a,b`.

    `vwap` (quote units for a base unit) and `trade_count` of shape (n,) are NaN where not every exchange has what they
    are made of.
    """

    candles: Candles
    exchange_count: NDArray[np.int64]
    source_exchanges: list[str]
    vwap: NDArray[np.float64]
    trade_count: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.candles)

    @property
    def columns(self) -> dict[str, NDArray[np.float64]]:
        """The columns beside OHLCV by their names, NaN where there is none."""
        return {"vwap": self.vwap, "trade_count": self.trade_count}


def merge_candles(by_exchange: Mapping[str, Candles], high_low: str = "weighted") -> MergedCandles:
    """Merge minute by minute, over the exchanges that have a candle there.

    Prices are averages weighted by each exchange's volume, volume is the sum. Where no exchange had
    volume, prices are plain averages and volume is 0. With `high_low="extremes"` the highest high and
    the lowest low are taken instead, of the exchanges with volume where there is one: a flat candle only repeats an
    old price. The order of the exchanges does not matter, not even in the last bit: they are summed in the order
    of their names.
    """
    names = sorted(by_exchange)
    times = _all_times([by_exchange[name].open_time_ms for name in names])
    cube = _align([by_exchange[name] for name in names], times)
    present = ~np.isnan(cube[:, OPEN])
    merged = _weighted(cube, present)
    if high_low == "extremes":
        counting = _counting(cube, present)
        merged[HIGH] = _extreme(np.fmax, np.where(counting, cube[:, HIGH], np.nan))
        merged[LOW] = _extreme(np.fmin, np.where(counting, cube[:, LOW], np.nan))
    candles = Candles(times, np.ascontiguousarray(merged.T))
    parts = [by_exchange[name] for name in names]
    quote_volume, trade_count = (_total(parts, times, field) for field in ("quote_volume", "trade_count"))
    vwap = vwap_of(quote_volume, merged[VOLUME])
    return MergedCandles(candles, present.sum(axis=0), _sources(names, present), vwap, trade_count)


def vwap_of(quote_volume: NDArray[np.float64], volume: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return quote volume / base volume, NaN where the quote volume is NaN or nobody traded."""
    vwap = np.full(len(volume), np.nan)
    np.divide(quote_volume, volume, out=vwap, where=volume > 0)
    return vwap


def _all_times(parts: list[NDArray[np.int64]]) -> NDArray[np.int64]:
    """Each time that any part has, once. Each part is in order: a stable sort only joins them."""
    times = np.sort(np.concatenate([np.empty(0, np.int64), *parts]), kind="stable")
    new = np.ones(len(times), dtype=np.bool_)
    np.not_equal(times[1:], times[:-1], out=new[1:])
    return times[new]


def _align(parts: list[Candles], times: NDArray[np.int64]) -> NDArray[np.float64]:
    """Shape (exchanges, 5, times): numpy is fastest along the last axis. NaN where an exchange has no candle."""
    cube = np.full((len(parts), 5, len(times)), np.nan)
    for index, part in enumerate(parts):
        if len(part) == len(times):  # then it has each of them
            cube[index] = part.ohlcv.T
        else:
            cube[index][:, np.searchsorted(times, part.open_time_ms)] = part.ohlcv.T
    return cube


def _total(parts: list[Candles], times: NDArray[np.int64], name: str) -> NDArray[np.float64]:
    """Return the sum of an extra over the exchanges, NaN where one that has a candle lacks the extra."""
    total = np.zeros(len(times))
    for part in parts:
        if len(part) == len(times):
            total += part.extra_column(name)
        else:
            total[np.searchsorted(times, part.open_time_ms)] += part.extra_column(name)
    return total


def _weighted(cube: NDArray[np.float64], present: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Shape (5, times)."""
    merged = np.empty(cube.shape[1:])
    if not cube.size:
        return merged
    volumes = np.where(present, cube[:, VOLUME], 0.0)
    weights = _weights(volumes, present)
    for price in range(OPEN, CLOSE + 1):
        parts = np.where(present, cube[:, price], 0.0)
        merged[price] = _within(_sum(weights * parts), cube[:, price])
    merged[VOLUME] = _sum(volumes)
    prices = merged[: CLOSE + 1]
    merged[HIGH], merged[LOW] = prices.max(axis=0), prices.min(axis=0)
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


def _within(averages: NDArray[np.float64], parts: NDArray[np.float64]) -> NDArray[np.float64]:
    """Take rounding back: an average lies between its lowest and its highest part."""
    return np.clip(averages, np.fmin.reduce(parts, axis=0), np.fmax.reduce(parts, axis=0))


def _counting(cube: NDArray[np.float64], present: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Of each time the exchanges with volume; all that have a candle where none has volume."""
    traded = present & (cube[:, VOLUME] > 0)
    counting: NDArray[np.bool_] = np.where(traded.any(axis=0), traded, present)
    return counting


def _extreme(choose: np.ufunc, prices: NDArray[np.float64]) -> NDArray[np.float64] | float:
    if not prices.size:
        return 0.0
    extreme: NDArray[np.float64] = choose.reduce(prices, axis=0)
    return extreme


def _sources(names: list[str], present: NDArray[np.bool_]) -> list[str]:
    """The names of the exchanges of each time, joined once for each combination that occurs."""
    if not names:
        return []
    # One byte for each exchange, 0 or 1; the bytes of a time together are the key of its combination.
    keys = np.ascontiguousarray(present.T).view(np.dtype((np.void, len(names)))).ravel().tolist()
    texts = {key: ",".join(name for name, has in zip(names, key, strict=True) if has) for key in set(keys)}
    return [texts[key] for key in keys]
