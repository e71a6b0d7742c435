"""Observed rates: what a stablecoin is worth in the quote of a pair, minute by minute.

The rules, and the numbers behind them, are in docs/explanation/how-a-price-is-made.md.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from candle_ingest.candles.candles import FIELDS, Candles
from candle_ingest.candles.medians import median
from candle_ingest.candles.window import MINUTE_MS, Window

# Where each rate is observed. Never a rate that the pair itself implies: its leg would always agree.
RATE_EXCHANGES: Mapping[str, tuple[str, ...]] = {
    "USDT/USD": ("kraken", "coinbaseexchange", "bitstamp"),
    "USDC/USD": ("kraken", "bitstamp"),
    "USDC/USDT": ("binance", "kraken"),
}
# If a pair has no traded close of its own, these are converted through the most traded stablecoin.
BRIDGED, BRIDGE = frozenset({"USDC"}), "USDT"
DOLLARS = frozenset({"USD", "USDT", "USDC"})
WINDOW_MINUTES = 5
# Markets that are further apart than this, as a share of the lowest, give no rate.
MAX_SPREAD = 0.01
DEPEG = 0.005
UNUSABLE = 0.10
CLOSE, VOLUME = FIELDS.index("close"), FIELDS.index("volume")
# The candles of a rate pair by exchange, and of all rate pairs: {"USDT/USD": {"kraken": …}}.
ByExchange = Mapping[str, Candles]
RateCandles = Mapping[str, ByExchange]


@dataclass(frozen=True, slots=True, eq=False)
class RateSeries:
    """The rate of one leg for each minute of `window`.

    `values` has shape (minutes,), NaN where there is no rate. `markets` names the markets it was observed on, such as
    `USDT/USD: kraken`; `used`, of shape (markets, minutes), says in which minutes each was used.
    """

    window: Window
    values: NDArray[np.float64]
    markets: tuple[str, ...]
    used: NDArray[np.bool_]

    def at(self, open_time_ms: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the rate at each time, NaN where there is none. Raises ValueError outside the window."""
        if not len(open_time_ms):
            return np.empty(0)
        if open_time_ms[0] < self.window.start_ms or open_time_ms[-1] >= self.window.end_ms:
            raise ValueError(f"no rates are known outside {self.window}")
        first, last = ((int(time_ms) - self.window.start_ms) // MINUTE_MS for time_ms in open_time_ms[[0, -1]])
        if last - first + 1 == len(open_time_ms):
            return self.values[first : last + 1]
        rates: NDArray[np.float64] = self.values[(open_time_ms - self.window.start_ms) // MINUTE_MS]
        return rates

    def sources_at(self, open_time_ms: int) -> tuple[str, ...]:
        """Return the markets on which the rate at a time was observed."""
        used = self.used[:, (open_time_ms - self.window.start_ms) // MINUTE_MS]
        return tuple(market for market, has in zip(self.markets, used, strict=True) if has)


def rate_pairs(leg: str, quote: str) -> tuple[str, ...]:
    """Return the pairs whose candles give the rate of `leg` in `quote`; none if both are the same."""
    if leg == quote:
        return ()
    bridge = (f"{leg}/{BRIDGE}", f"{BRIDGE}/{quote}") if leg in BRIDGED and quote != BRIDGE else ()
    return (f"{leg}/{quote}", *bridge)


def rate_exchanges(pair: str) -> tuple[str, ...]:
    """Return the exchanges on which a rate pair is observed."""
    return RATE_EXCHANGES.get(pair, RATE_EXCHANGES["USDT/USD"])


def lookback(window: Window) -> Window:
    """Return the window of rate candles from which the rates of `window` are computed."""
    return Window(max(0, window.start_ms - (WINDOW_MINUTES - 1) * MINUTE_MS), window.end_ms)


def leg_rate(leg: str, quote: str, candles: RateCandles, window: Window) -> RateSeries:
    """Return the rate of `leg` in units of `quote`.

    Where the direct pair has no traded close, a USDC leg is converted through USDT: USDC/USDT × USDT/USD.
    """
    direct, *bridge = rate_pairs(leg, quote)
    found = observed_rate(direct, candles.get(direct, {}), window)
    if not bridge:
        return found
    first, second = (observed_rate(pair, candles.get(pair, {}), window) for pair in bridge)
    silent = ~found.used.any(axis=0)
    values = np.where(silent, first.values * second.values, found.values)
    used = np.concatenate([found.used, first.used & silent, second.used & silent])
    return RateSeries(window, values, found.markets + first.markets + second.markets, used)


def observed_rate(pair: str, by_exchange: ByExchange, window: Window) -> RateSeries:
    """Return the rate of one pair for each minute of `window`.

    Each market gives the median of its traded closes that open in [t - 4 min, t]; the rate is the median over the
    markets. There is no rate if no market has a traded close, or if markets are more than 1 % apart. A median rather
    than an average: on 2022-05-11 20:28 USDC/USDT had a high of 3.99, which moves an average by 4.4 %.
    """
    names = sorted(by_exchange)
    medians = np.array([_recent_median(by_exchange[name], window) for name in names])
    medians = medians.reshape(len(names), (window.end_ms - window.start_ms) // MINUTE_MS)
    values = median(medians)
    if names:
        values[np.fmax.reduce(medians, axis=0) > np.fmin.reduce(medians, axis=0) * (1 + MAX_SPREAD)] = np.nan
    return RateSeries(window, values, tuple(f"{pair}: {name}" for name in names), ~np.isnan(medians))


def is_depeg(rate: NDArray[np.float64], quote: str = "USD") -> NDArray[np.bool_]:
    """Return where a stablecoin is more than 0.5 % off its peg; nowhere if `quote` is not a dollar."""
    return (np.abs(rate - 1) > DEPEG) & (quote in DOLLARS)


def is_unusable(rate: NDArray[np.float64], quote: str = "USD") -> NDArray[np.bool_]:
    """Return where a stablecoin is so far off its peg (more than 10 %) that it no longer counts as a dollar.

    The limit is wide because conversion was exact at -5 to -9 % on 2023-03-12.
    """
    return (np.abs(rate - 1) > UNUSABLE) & (quote in DOLLARS)


def in_words(sources: Sequence[str]) -> str:
    """Return sources such as `USDT/USD: kraken`, grouped by pair: `USDT/USD: kraken, bitstamp`."""
    by_pair: dict[str, list[str]] = {}
    for source in sources:
        pair, _, exchange = source.partition(": ")
        by_pair.setdefault(pair, []).append(exchange)
    return " × ".join(f"{pair}: {', '.join(exchanges)}" for pair, exchanges in by_pair.items())


def _recent_median(candles: Candles, window: Window) -> NDArray[np.float64]:
    """Return the median of the traded closes in [t - 4 min, t] for each minute t; NaN if there are none."""
    span = lookback(window)
    known = candles.between(span.start_ms, span.end_ms)
    first_ms = window.start_ms - (WINDOW_MINUTES - 1) * MINUTE_MS
    closes = np.full((window.end_ms - first_ms) // MINUTE_MS, np.nan)
    traded = known.ohlcv[:, VOLUME] > 0
    closes[(known.open_time_ms[traded] - first_ms) // MINUTE_MS] = known.ohlcv[traded, CLOSE]
    count = len(closes) - WINDOW_MINUTES + 1
    return median(np.stack([closes[offset : offset + count] for offset in range(WINDOW_MINUTES)]))
