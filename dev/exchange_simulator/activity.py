"""When a market trades: quiet minutes, quiet hours of small coins, and outages of a whole exchange."""

import numpy as np
from numpy.typing import NDArray

from dev.exchange_simulator.coins import STABLECOINS
from dev.exchange_simulator.hashing import Ints, seed_of, uniform, uniform_one
from dev.exchange_simulator.markets import Market
from dev.exchange_simulator.prices import MINUTES_PER_DAY

Mask = NDArray[np.bool_]


def _stretch(seed: int, day: int, chance: float, shortest: int, longest: int) -> slice:
    """Return a stretch of minutes within a day, or an empty one; never the first minute of the day."""
    if uniform_one(seed, day) >= chance:
        return slice(0, 0)
    length = shortest + int(uniform_one(seed + 1, day) * (longest - shortest))
    start = 1 + int(uniform_one(seed + 2, day) * (MINUTES_PER_DAY - 1 - length))
    return slice(start, start + length)


def outage(exchange: str, day: int) -> Mask:
    """Return the minutes of a UTC day in which the exchange was down: 3 minutes to 4 hours on one day in forty."""
    mask = np.zeros(MINUTES_PER_DAY, dtype=np.bool_)
    mask[_stretch(seed_of("outage", exchange), day, 1 / 40, 3, 240)] = True
    return mask


def quiet_share(market: Market) -> float:
    """Return the share of minutes without a trade: one in a thousand for bitcoin, up to half for the smallest."""
    return float(min(0.5, 0.001 + 600 / (market.turnover_usd + 600)))


def traded(market: Market, minutes: Ints) -> Mask:
    """Return which of the 1440 minutes of a day had a trade.

    The first minute of a UTC day always has one, so that a day does not depend on the day before: each day is a pure
    function, at the price of this one regularity.
    """
    day = int(minutes[0]) // MINUTES_PER_DAY
    seed = seed_of("activity", market.exchange, market.symbol)
    share = quiet_share(market)
    mask: Mask = uniform(seed, minutes) >= share
    # A stablecoin trades all day: hours without a rate, for which prices wait, are an event that a test adds.
    if market.base not in STABLECOINS:
        mask[_stretch(seed + 1, day, share, 20, 600)] = False
    mask[outage(market.exchange, day)] = False
    mask[0] = True
    return mask
