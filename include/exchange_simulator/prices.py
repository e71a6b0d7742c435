"""The middle price of a market at any minute: one price for each coin, and small differences between exchanges."""

import numpy as np

from include.exchange_simulator.coins import COINS, coin_named
from include.exchange_simulator.hashing import Floats, Ints, noise, seed_of
from include.exchange_simulator.markets import Market, quote_price_usd

# From a minute to about two years: what moves a price from one minute to the next up to what makes a trend.
_PERIODS = tuple(4**k for k in range(11))
_SMALL_PERIODS = (1, 16, 256, 4096)
_MARKET_SCALE = 3.5e-4
_COIN_SCALE = 3.0e-4
_PEG_SCALE = 4e-6
_EURO_SCALE = 3e-5
_EXCHANGE_SCALE = 5e-6


def _coin_price_usd(code: str, minutes: Ints) -> Floats:
    together = noise(seed_of("market"), minutes, _PERIODS, _MARKET_SCALE)
    alone = noise(seed_of("coin", code), minutes, _PERIODS, _COIN_SCALE)
    level: Floats = coin_named(code).price_usd * np.exp(together + alone)
    return level


def _quote_price_usd(code: str, minutes: Ints) -> Floats:
    if code in COINS:
        return _coin_price_usd(code, minutes)
    if code == "USD":
        return np.ones(len(minutes))
    scale = _EURO_SCALE if code == "EUR" else _PEG_SCALE
    level: Floats = quote_price_usd(code) * np.exp(
        noise(seed_of("quote", code), minutes, _SMALL_PERIODS, scale)
    )
    return level


def middle_price(market: Market, minutes: Ints) -> Floats:
    """The price in quote units at the start of each minute (minutes since 1970, ascending, without holes)."""
    seed = seed_of("exchange", market.exchange, market.symbol)
    offset = noise(seed, minutes, _SMALL_PERIODS, _EXCHANGE_SCALE)
    price: Floats = (
        _coin_price_usd(market.base, minutes) / _quote_price_usd(market.quote, minutes) * np.exp(offset)
    )
    return price
