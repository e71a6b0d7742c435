"""An exchange that deviates from what is known of it, in one fact at a time, to test the checks of those facts."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from dev.exchange_simulator.candle_columns import (
    CLOSE,
    COUNT,
    MINUTE_MS,
    OPEN,
    OPEN_TIME,
    QUOTE_DECIMALS,
    QUOTE_VOLUME,
    SERVED_COLUMNS,
    TAKER_VOLUME,
    VOLUME,
)
from dev.exchange_simulator.hashing import Ints
from dev.exchange_simulator.markets import Market

# rows: at most 100 per response. order: reversed. start, end: without the first or the last candle of the range.
# beyond: one more candle after the end of the range. quiet: quiet minutes are flat instead of missing, or missing
# instead of flat. gap: one traded minute is missing. double_row: of two rows with the same time, the wrong one is last.
# unfinished: the candle in progress is marked as finished. volume: in the quote. quote_volume: in the base.
# trade_count: 0. taker_volume: the whole volume. history: no candles older than five hours. timeframes: no 5m.
# day: daily candles open eight hours earlier. cursor: kraken's `last` does not move. symbols: dark pools of kraken
# have other ids. pace: every third request is refused. date: the header is five minutes slow. age: 900 s in a cache.
# limit_headers: none.
FACTS = (
    "rows", "order", "start", "end", "beyond", "quiet", "gap", "double_row", "unfinished", "volume", "quote_volume",
    "trade_count", "taker_volume", "history", "timeframes", "day", "cursor", "symbols", "pace", "date", "age",
    "limit_headers",
)  # fmt: skip
_FEW_ROWS = 100
_SHORT_HISTORY_MS = 5 * 60 * MINUTE_MS
_DAY_SHIFT_MS = 8 * 60 * MINUTE_MS
REFUSED_OF = 3
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


def _one_more(candles: Ints) -> Ints:
    """Return the candles, and the last one again a minute later."""
    more = candles[-1:].copy()
    more[:, OPEN_TIME] += MINUTE_MS
    return np.concatenate((candles, more))


def _without_traded_minute(candles: Ints) -> Ints:
    traded = np.flatnonzero(candles[:, COUNT] > 0)
    return np.delete(candles, traded[len(traded) // 2 :][:1], axis=0)


def _with_column(candles: Ints, column: int, values: Any) -> Ints:
    changed = candles.copy()
    changed[:, column] = values
    return changed


def _false_columns(fact: str, market: Market, candles: Ints) -> Ints:
    """Return candles with another value in one column."""
    if fact == "volume":
        return _in_quote(market, candles)
    if fact == "quote_volume":
        in_base = candles[:, VOLUME] * 10.0 ** (QUOTE_DECIMALS - market.volume_decimals)
        return _with_column(candles, QUOTE_VOLUME, np.rint(in_base))
    if fact == "trade_count":
        return _with_column(candles, COUNT, 0)
    return _with_column(candles, TAKER_VOLUME, candles[:, VOLUME]) if fact == "taker_volume" else candles


def _range_of(fact: str, candles: Ints, now_ms: int) -> Ints:
    """Return the candles of a range that differs from the requested one."""
    if fact == "start":
        return candles[1:]
    if fact == "end":
        closed = np.flatnonzero(candles[:, OPEN_TIME] + MINUTE_MS <= now_ms)
        return np.delete(candles, closed[-1:], axis=0)
    if fact == "history":
        return candles[candles[:, OPEN_TIME] >= now_ms - _SHORT_HISTORY_MS]
    return _one_more(candles) if fact == "beyond" else candles


def false_candles(fact: str, market: Market, timeframe: str, candles: Ints, now_ms: int, *, flat: bool) -> Ints:
    """Return ascending candles as such an exchange would serve them; `flat`: it shows quiet minutes."""
    if fact == "quiet":
        return candles[candles[:, COUNT] > 0] if flat else _filled(candles)
    if (fact, timeframe) == ("day", "1d"):
        return _with_column(candles, OPEN_TIME, candles[:, OPEN_TIME] - _DAY_SHIFT_MS)
    if (fact, timeframe) == ("gap", "1m"):
        return _without_traded_minute(candles)
    return _false_columns(fact, market, _range_of(fact, candles, now_ms))


def false_rows(fact: str, rows: list[Any], time: int | str) -> list[Any]:
    """Return rows on the wire as such an exchange would send them; `time` is where a row has its open time."""
    if fact == "rows":
        return rows[:_FEW_ROWS]
    if fact == "double_row":
        # Newest first, then ascending by a stable sort: rows with the same time change places.
        newest_first = rows[::-1]
        return sorted(newest_first, key=lambda row: int(row[time]))
    return rows[::-1] if fact == "order" else rows


def false_headers(fact: str, headers: Mapping[str, str]) -> Mapping[str, str]:
    """Return the headers that such an exchange would send."""
    if fact == "age":
        return {**headers, "Age": "900"}
    if fact == "limit_headers":
        return {name: value for name, value in headers.items() if not name.lower().startswith(_LIMIT_HEADERS)}
    return headers
