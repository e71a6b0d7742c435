"""Merge the candles of several exchanges into one.

A merge converts, guards, and then averages; each minute is merged by itself.
"""

import functools
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from candle_ingest.candles.candles import Candles
from candle_ingest.candles.guard import guard
from candle_ingest.candles.merge_method import MergeMethod
from candle_ingest.candles.quality import (
    NO_RATE,
    Quality,
    clamped_texts,
    closes_with_weight,
    dispersion_bps,
    disputed_texts,
    excluded_texts,
)
from candle_ingest.candles.rates import UNUSABLE, RateSeries, is_unusable

OPEN, HIGH, LOW, CLOSE, VOLUME, QUOTE_VOLUME, TRADE_COUNT = range(7)


@dataclass(frozen=True, slots=True, eq=False)
class MergedCandles:
    """Merged candles: `exchange_count` of shape (n,), `source_exchanges` one text per candle, `a,b`.

    `vwap` (quote units per base unit) and `trade_count`, of shape (n,), are NaN unless every exchange serves the values
    that they are computed from.
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
        """Return the columns other than OHLCV by name, NaN where there is no value."""
        return {"vwap": self.vwap, "trade_count": self.trade_count}


@dataclass(frozen=True, slots=True, eq=False)
class Conversion:
    """The rates that convert the candles of one pair.

    `quote` is that of the pair, `legs` names the exchanges whose market has another quote (`{"binance": "USDT"}`), and
    `rates` has the rate of each such quote in units of `quote`. A leg without a rate is left out of the merge, as are
    the exchanges in `refused`, each with its reason.
    """

    quote: str
    legs: Mapping[str, str]
    rates: Mapping[str, RateSeries]
    refused: Mapping[str, str] = field(default_factory=dict)


NO_LEGS = Conversion("USD", {}, {})


def converted(by_exchange: Mapping[str, Candles], conversion: Conversion) -> dict[str, Candles]:
    """Return the candles with OHLC in units of the quote of the pair, without those that have no rate."""
    return {name: _converted(candles, conversion.legs.get(name), conversion) for name, candles in by_exchange.items()}


def _converted(candles: Candles, leg: str | None, conversion: Conversion) -> Candles:
    if leg is None or leg not in conversion.rates:
        return candles
    rate = conversion.rates[leg].at(candles.open_time_ms)
    known = ~np.isnan(rate)
    values = np.column_stack([candles.ohlcv[known, :VOLUME] * rate[known, None], candles.ohlcv[known, VOLUME]])
    return Candles(candles.open_time_ms[known], values)


def merge_minutes(
    by_exchange: Mapping[str, Candles], conversion: Conversion, method: MergeMethod
) -> tuple[MergedCandles, Quality]:
    """Merge minute by minute, over the exchanges that have a candle and a rate there and are not excluded.

    Prices are averages weighted by each exchange's volume, volume is the sum. If no exchange had volume, prices are
    plain averages and volume is 0. With `high_low="extremes"` the highest high and the lowest low are taken instead.
    They are those of the exchanges with volume if there are any, as a flat candle only repeats an old price. The order
    of the exchanges does not matter, not even in the last bit: they are summed in order of their names. A minute in
    which no exchange can be used has a quality but no merged candle.
    """
    names = sorted(by_exchange)
    times = _all_times([by_exchange[name].open_time_ms for name in names])
    cube = _align([by_exchange[name] for name in names], times)
    left_out = _refuse(names, cube, conversion) + _convert(names, cube, times, conversion, method)
    verdict = guard(cube[:, :QUOTE_VOLUME], method.guard_percent)
    cube[:, :QUOTE_VOLUME, verdict.minutes] = verdict.candles
    quality = Quality(
        times,
        dispersion_bps(closes_with_weight(cube)),
        excluded_texts(names, verdict, left_out, len(times)),
        clamped_texts(names, verdict, len(times)),
        disputed_texts(names, verdict, len(times)),
        {leg: _rates_at(leg, times, conversion, method) for leg in sorted(set(conversion.legs.values()))},
    )
    return _merge(names, times, cube, method), quality


def _refuse(names: list[str], cube: NDArray[np.float64], conversion: Conversion) -> list[tuple[str, NDArray[np.bool_]]]:
    """Drop the refused exchanges, in place; return the reasons and minutes."""
    left_out = []
    for index, name in enumerate(names):
        if name in conversion.refused:
            left_out.append((f"{name}: {conversion.refused[name]}", ~np.isnan(cube[index, OPEN])))
            cube[index] = np.nan
    return left_out


def _convert(
    names: list[str], cube: NDArray[np.float64], times: NDArray[np.int64], conversion: Conversion, method: MergeMethod
) -> list[tuple[str, NDArray[np.bool_]]]:
    """Convert the legs in place, and drop them where there is no usable rate; return the reasons and minutes."""
    left_out: list[tuple[str, NDArray[np.bool_]]] = []
    if method.quote_conversion == "par":
        return left_out
    for index, name in enumerate(names):
        if name not in conversion.legs:
            continue
        leg = conversion.legs[name]
        rate = _rates_at(leg, times, conversion, method)
        missing, unusable = np.isnan(rate), is_unusable(rate, conversion.quote)
        present = ~np.isnan(cube[index, OPEN])
        left_out.append((f"{name}: {NO_RATE} {leg}/{conversion.quote}", present & missing))
        left_out.append((f"{name}: {leg}/{conversion.quote} off by more than {UNUSABLE:.0%}", present & unusable))
        cube[index, [OPEN, HIGH, LOW, CLOSE, QUOTE_VOLUME]] *= rate
        cube[index][:, missing | unusable] = np.nan
    return left_out


def _rates_at(leg: str, times: NDArray[np.int64], conversion: Conversion, method: MergeMethod) -> NDArray[np.float64]:
    if method.quote_conversion == "par":
        return np.ones(len(times))
    return conversion.rates[leg].at(times) if leg in conversion.rates else np.full(len(times), np.nan)


def _merge(
    names: list[str],
    times: NDArray[np.int64],
    cube: NDArray[np.float64],
    method: MergeMethod,
) -> MergedCandles:
    """Merge the candles of the cube; NaN means that an exchange is not used."""
    used = ~np.isnan(cube[:, OPEN])
    some = used.any(axis=0) if len(used) else np.zeros(0, np.bool_)
    if not some.all():
        times, cube, used = times[some], cube[:, :, some], used[:, some]
    merged = _weighted(cube, used)
    if method.high_low == "extremes":
        contributing = _contributing(cube, used)
        merged[HIGH] = _extreme(np.fmax, np.where(contributing, cube[:, HIGH], np.nan))
        merged[LOW] = _extreme(np.fmin, np.where(contributing, cube[:, LOW], np.nan))
    candles = Candles(times, np.ascontiguousarray(merged.T))
    quote_volume, trade_count = (_total(cube[:, column], used) for column in (QUOTE_VOLUME, TRADE_COUNT))
    vwap = vwap_of(quote_volume, merged[VOLUME])
    return MergedCandles(candles, used.sum(axis=0), _sources(names, used), vwap, trade_count)


def vwap_of(quote_volume: NDArray[np.float64], volume: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return quote volume / base volume; NaN where the quote volume is NaN or the volume is 0."""
    vwap = np.full(len(volume), np.nan)
    np.divide(quote_volume, volume, out=vwap, where=volume > 0)
    return vwap


def _all_times(parts: list[NDArray[np.int64]]) -> NDArray[np.int64]:
    """Return the distinct times of all parts, ascending. Each part is sorted, so a stable sort only merges them."""
    times = np.sort(np.concatenate([np.empty(0, np.int64), *parts]), kind="stable")
    new = np.ones(len(times), dtype=np.bool_)
    np.not_equal(times[1:], times[:-1], out=new[1:])
    return times[new]


def _align(parts: list[Candles], times: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the candles as a cube of shape (exchanges, 7, times), NaN where an exchange has no candle.

    Quote volume and trade count follow OHLCV. numpy is fastest along the last axis.
    """
    cube = np.full((len(parts), 7, len(times)), np.nan)
    for own, part in zip(cube, parts, strict=True):
        # A part with as many candles as there are times has all of them.
        places = slice(None) if len(part) == len(times) else np.searchsorted(times, part.open_time_ms)
        own[:QUOTE_VOLUME, places] = part.ohlcv.T
        if not np.isnan(part.extras).all():
            own[QUOTE_VOLUME, places] = part.extra_column("quote_volume")
            own[TRADE_COUNT, places] = part.extra_column("trade_count")
    return cube


def _total(values: NDArray[np.float64], used: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return the sum over the exchanges used; NaN where one of them lacks the value."""
    if not len(values):
        return np.empty(0)
    if np.isnan(values).all(axis=1).any() and used.all():
        return np.full(values.shape[1], np.nan)
    return _sum(np.where(used, values, 0.0))


def _weighted(cube: NDArray[np.float64], present: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return the volume-weighted candles, shape (5, times)."""
    merged = np.empty((5, cube.shape[2]))
    if not cube.size:
        return merged
    volumes = np.where(present, cube[:, VOLUME], 0.0)
    weights = _weights(volumes, present)
    for price in range(OPEN, CLOSE + 1):
        parts = np.where(present, cube[:, price], 0.0)
        merged[price] = _within(_sum(weights * parts), np.where(weights > 0, parts, np.nan))
    merged[VOLUME] = _sum(volumes)
    prices = merged[: CLOSE + 1]
    merged[HIGH], merged[LOW] = prices.max(axis=0), prices.min(axis=0)
    return merged


def _weights(volumes: NDArray[np.float64], present: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return the weights, shape (exchanges, times); each column adds up to 1.

    Volumes are divided by the largest one first, so that tiny and huge ones neither vanish nor overflow.
    """
    largest = volumes.max(axis=0)
    traded = largest > 0
    relative = np.where(traded, volumes / np.where(traded, largest, 1.0), present)
    weights: NDArray[np.float64] = relative / _sum(relative)
    return weights


def _sum(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Add up the exchanges one by one: the order in which `values.sum(axis=0)` adds depends on the number of times."""
    return functools.reduce(np.add, values)


def _within(averages: NDArray[np.float64], parts: NDArray[np.float64]) -> NDArray[np.float64]:
    """Undo rounding: an average lies between the lowest and the highest of its parts that have a weight."""
    return np.clip(averages, np.fmin.reduce(parts, axis=0), np.fmax.reduce(parts, axis=0))


def _contributing(cube: NDArray[np.float64], present: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return, for each time, the exchanges with volume; if none has volume, all that have a candle."""
    traded = present & (cube[:, VOLUME] > 0)
    contributing: NDArray[np.bool_] = np.where(traded.any(axis=0), traded, present)
    return contributing


def _extreme(choose: np.ufunc, prices: NDArray[np.float64]) -> NDArray[np.float64] | float:
    if not prices.size:
        return 0.0
    extreme: NDArray[np.float64] = choose.reduce(prices, axis=0)
    return extreme


def _sources(names: list[str], used: NDArray[np.bool_]) -> list[str]:
    """Return the names of the exchanges used at each time, joined only once for each combination that occurs."""
    if not names:
        return []
    # One bit per exchange: their sum at a time is the number of its combination.
    numbers = (used * (1 << np.arange(len(names)))[:, None]).sum(axis=0)
    texts = np.empty(1 << len(names), dtype=object)
    for number in np.flatnonzero(np.bincount(numbers)).tolist():
        texts[number] = ",".join(name for bit, name in enumerate(names) if number >> bit & 1)
    sources: list[str] = texts[numbers].tolist()
    return sources
