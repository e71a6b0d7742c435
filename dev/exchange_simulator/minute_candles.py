"""One day of minute candles of a market, as whole numbers, so that what goes on the wire is exact."""

import numpy as np

from dev.exchange_simulator.activity import Mask, outage, traded
from dev.exchange_simulator.candle_columns import CLOSE, COUNT, DAY_MS, MINUTE_MS, NO_MARKET_ROWS, OPEN, VOLUME
from dev.exchange_simulator.event_effects import make_true
from dev.exchange_simulator.hashing import Floats, Ints, seed_of, uniform
from dev.exchange_simulator.market_events import MarketEvent
from dev.exchange_simulator.markets import Market, quote_price_usd
from dev.exchange_simulator.prices import MINUTES_PER_DAY, middle_price

# Exchanges that show a minute without trades as a flat candle; the others leave it out.
FLAT_EXCHANGES = frozenset({"binance", "kraken", "htx", "binanceus", "okx", "bybit", "bitstamp", "gate"})
# Those among them that have no candles for outages.
_WITHOUT_OUTAGES = frozenset({"binance", "binanceus"})

_TRADES_AT_MOST = 40
_JITTER = 2e-5
_SPREAD = 4e-4


def _trade_counts(market: Market, seed: int, minutes: Ints) -> Ints:
    """Return the number of trades of each minute: roughly exponential, larger where turnover is larger."""
    mean = min(12.0, 1.5 + market.turnover_usd / 30_000)
    counts: Ints = np.minimum(_TRADES_AT_MOST, 1 - mean * np.log(uniform(seed, minutes))).astype(np.int64)
    return counts


def _volumes(market: Market, seed: int, minutes: Ints, counts: Ints, middle: Floats) -> Ints:
    """Return the volume units of each minute, always enough for each trade to have some."""
    normal = sum(uniform(seed + k, minutes) for k in range(6)) - 3.0
    hour_of_day = minutes % MINUTES_PER_DAY / 60
    daily = 1 + 0.4 * np.sin((hour_of_day - 8) * np.pi / 12)
    money: Floats = market.turnover_usd / quote_price_usd(market.quote) * daily * np.exp(1.5 * normal)
    base = money / middle[:-1]
    units: Ints = np.rint(base * 10.0**market.volume_decimals).astype(np.int64)
    return np.maximum(units, 100 * counts)


def _prices(seed: int, minutes: Ints, counts: Ints, middle: Floats) -> tuple[Ints, Ints, Ints, Ints]:
    """Return open, high, low and close in ticks; with fewer than four trades nothing lies beyond open and close."""
    opens = np.rint(middle[:-1] * (1 + _JITTER * (2 * uniform(seed, minutes) - 1)))
    closes = np.rint(middle[1:])
    opens = np.maximum(1, np.where(counts == 1, closes, opens))
    closes = np.maximum(1, closes)
    reach = np.where(counts >= 4, middle[:-1] * _SPREAD, 0)
    highs = np.maximum(opens, closes) + np.rint(-reach * np.log(uniform(seed + 1, minutes)))
    lows = np.minimum(opens, closes) - np.rint(-reach * np.log(uniform(seed + 2, minutes)))
    columns = (opens, highs, np.maximum(1, lows), closes)
    return tuple(column.astype(np.int64) for column in columns)  # type: ignore[return-value]


def _flatten(rows: Ints, trading: Mask) -> None:
    """Give minutes without trades the last price traded and no volume."""
    last = np.maximum.accumulate(np.where(trading, np.arange(len(rows)), 0))
    quiet = ~trading
    rows[quiet, OPEN : CLOSE + 1] = rows[last[quiet], CLOSE][:, None]
    rows[quiet, VOLUME] = 0
    rows[quiet, COUNT] = 0


def day_candles(market: Market, day: int, events: tuple[MarketEvent, ...] = ()) -> Ints:
    """Return the rows that the exchange has for one UTC day (days since 1970), shape (n ≤ 1440, 7), ascending.

    `events` are those that concern the market; only their effect on the truth is applied here.
    """
    if day * DAY_MS < market.listed_ms or (market.halted_ms is not None and day * DAY_MS >= market.halted_ms):
        return NO_MARKET_ROWS
    minutes: Ints = np.arange(day * MINUTES_PER_DAY, (day + 1) * MINUTES_PER_DAY, dtype=np.int64)
    seed = seed_of("candles", market.exchange, market.symbol)
    counts = _trade_counts(market, seed, minutes)
    middle = middle_price(market, day)
    prices = _prices(seed + 10, minutes, counts, middle * 10.0**market.price_decimals)
    volumes = _volumes(market, seed + 20, minutes, counts, middle)
    rows: Ints = np.column_stack((minutes * MINUTE_MS, *prices, volumes, counts))
    trading = traded(market, minutes)
    make_true(market, events, rows, trading)
    _flatten(rows, trading)
    if market.exchange not in FLAT_EXCHANGES:
        return rows[trading]
    if market.exchange in _WITHOUT_OUTAGES:
        return rows[~outage(market.exchange, day)]
    return rows
