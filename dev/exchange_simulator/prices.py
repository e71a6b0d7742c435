"""The mid price of a market: one price for each coin, with small differences between the exchanges."""

from functools import lru_cache

import numpy as np

from dev.exchange_simulator.coins import COINS, STABLECOINS, coin_named
from dev.exchange_simulator.hashing import Floats, Ints, noise, seed_of
from dev.exchange_simulator.markets import Market, quote_price_usd

MINUTES_PER_DAY = 1440
# From a minute to about two years: from movements between minutes to trends.
_PERIODS = tuple(4**k for k in range(11))
_SMALL_PERIODS = (1, 16, 256, 4096)
_MARKET_SCALE = 3.5e-4
_COIN_SCALE = 3.0e-4
_PEG_SCALE = 4e-6
_EURO_SCALE = 3e-5
_EXCHANGE_SCALE = 5e-6


def _minutes(day: int) -> Ints:
    """Return the 1440 minutes of a UTC day and the first of the next, since 1970."""
    first = day * MINUTES_PER_DAY
    return np.arange(first, first + MINUTES_PER_DAY + 1, dtype=np.int64)


@lru_cache(maxsize=1024)
def _coin_price_usd(code: str, day: int) -> Floats:
    """Return the price of a coin. Part of its movement is common to all coins, as in a real market."""
    together = noise(seed_of("market"), _minutes(day), _PERIODS, _MARKET_SCALE)
    alone = noise(seed_of("coin", code), _minutes(day), _PERIODS, _COIN_SCALE)
    level: Floats = coin_named(code).price_usd * np.exp(together + alone)
    return level


@lru_cache(maxsize=256)
def _quote_price_usd(code: str, day: int) -> Floats:
    if code in COINS:
        return _coin_price_usd(code, day)
    if code == "USD":
        return np.ones(MINUTES_PER_DAY + 1)
    scale = _EURO_SCALE if code == "EUR" else _PEG_SCALE
    change = noise(seed_of("quote", code), _minutes(day), _SMALL_PERIODS, scale)
    level: Floats = quote_price_usd(code) * np.exp(change)
    return level


def middle_price(market: Market, day: int) -> Floats:
    """Return the price in quote units at the start of each minute of a UTC day and of the next day: 1441 numbers."""
    seed = seed_of("exchange", market.exchange, market.symbol)
    offset = np.exp(noise(seed, _minutes(day), _SMALL_PERIODS, _EXCHANGE_SCALE))
    base = _quote_price_usd if market.base in STABLECOINS else _coin_price_usd
    price: Floats = base(market.base, day) / _quote_price_usd(market.quote, day) * offset
    return price
