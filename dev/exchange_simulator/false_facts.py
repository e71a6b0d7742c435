"""An exchange that deviates from what is known of it, in one fact at a time, to test the checks of those facts."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from dev.exchange_simulator.candle_columns import CLOSE, COUNT, MINUTE_MS, OPEN, OPEN_TIME, SERVED_COLUMNS, VOLUME
from dev.exchange_simulator.hashing import Ints
from dev.exchange_simulator.markets import Market

# rows: at most 100 in an answer. order: the other way round. start, end: without the first or the last candle of the
# range. quiet: quiet minutes flat where they are missing, and missing where they are flat. volume: in the quote.
# history: no older candle than five hours. timeframes: no 5m. cursor: kraken's `last` stays where it was.
# date: the header is five minutes behind. age: a cache of 200 s. limit_headers: none.
FACTS = (
    "rows", "order", "start", "end", "quiet", "volume", "history", "timeframes", "cursor", "date", "age",
    "limit_headers",
)  # fmt: skip
_FEW_ROWS = 100
_SHORT_HISTORY_MS = 5 * 60 * MINUTE_MS
DATE_OFF_SECONDS = -300
_LIMIT_HEADERS = ("x-mbx-", "gw-ratelimit-", "x-gate-ratelimit-")


def _filled(candles: Ints) -> Ints:
    """Return a flat candle for each minute between the first and the last that has none."""
    if not len(candles):
        return candles
    times = np.arange(candles[0, OPEN_TIME], candles[-1, OPEN_TIME] + 1, MINUTE_MS, dtype=np.int64)
    before = np.searchsorted(candles[:, OPEN_TIME], times, side="right") - 1
    flat: Ints = np.zeros((len(times), SERVED_COLUMNS), dtype=np.int64)
    flat[:, OPEN : CLOSE + 1] = candles[before, CLOSE][:, None]
    flat[:, OPEN_TIME] = times
    own = candles[before, OPEN_TIME] == times
    flat[own] = candles[before[own]]
    return flat


def _in_quote(market: Market, candles: Ints) -> Ints:
    changed = candles.copy()
    changed[:, VOLUME] = np.rint(changed[:, VOLUME] * (changed[:, CLOSE] / 10.0**market.price_decimals))
    return changed


def false_candles(fact: str, market: Market, candles: Ints, now_ms: int, *, flat: bool) -> Ints:
    """Return ascending candles as such an exchange would serve them; `flat`: it shows quiet minutes."""
    if fact == "start":
        return candles[1:]
    if fact == "end":
        closed = np.flatnonzero(candles[:, OPEN_TIME] + MINUTE_MS <= now_ms)
        return np.delete(candles, closed[-1:], axis=0)
    if fact == "quiet":
        return candles[candles[:, COUNT] > 0] if flat else _filled(candles)
    if fact == "history":
        return candles[candles[:, OPEN_TIME] >= now_ms - _SHORT_HISTORY_MS]
    return _in_quote(market, candles) if fact == "volume" else candles


def false_rows(fact: str, rows: list[Any]) -> list[Any]:
    """Return rows on the wire as such an exchange would send them."""
    if fact == "rows":
        return rows[:_FEW_ROWS]
    return rows[::-1] if fact == "order" else rows


def false_headers(fact: str, headers: Mapping[str, str]) -> Mapping[str, str]:
    """Return the headers that such an exchange would send."""
    if fact == "age":
        return {**headers, "Age": "200"}
    if fact == "limit_headers":
        return {name: value for name, value in headers.items() if not name.lower().startswith(_LIMIT_HEADERS)}
    return headers
