"""All candles and trades of all markets as they stand at one moment, with the candle in progress."""

from collections.abc import Iterator
from functools import lru_cache

import numpy as np

from dev.exchange_simulator.aggregation import aggregate
from dev.exchange_simulator.hashing import Ints
from dev.exchange_simulator.markets import Market
from dev.exchange_simulator.minute_candles import (
    CLOSE,
    COUNT,
    DAY_MS,
    FLAT_EXCHANGES,
    MINUTE_MS,
    NO_ROWS,
    OPEN_TIME,
    VOLUME,
    day_candles,
)
from dev.exchange_simulator.timeframes import HOUR_MS, ceil_open, duration_ms, floor_open
from dev.exchange_simulator.trades import Trade, candle_of, minute_trades

_DAYS_OF_MINUTES = 400
_DAYS_OF_HOURS = 8000


class CandleBook:
    """Candles by market and time. Times are ms UTC; ranges are half-open; `now_ms` is the moment of asking.

    `recorded` replaces the invented candles of a market, keyed (exchange, symbol), by rows of the same shape.
    """

    def __init__(self, recorded: dict[tuple[str, str], Ints] | None = None) -> None:
        self._recorded = recorded or {}
        self._minutes = lru_cache(_DAYS_OF_MINUTES)(self._make_minutes)
        self._hours = lru_cache(_DAYS_OF_HOURS)(self._make_hours)

    def _make_minutes(self, market: Market, day: int) -> Ints:
        rows = self._recorded.get((market.exchange, market.symbol))
        if rows is None:
            return day_candles(market, day)
        start, end = np.searchsorted(rows[:, OPEN_TIME], (day * DAY_MS, (day + 1) * DAY_MS))
        return rows[start:end]

    def _make_hours(self, market: Market, day: int) -> Ints:
        return aggregate(market.exchange, "1h", self._make_minutes(market, day))

    def extent_ms(self, market: Market, now_ms: int) -> tuple[int, int]:
        """From the first candle there can be to the end of the last, the one in progress included."""
        rows = self._recorded.get((market.exchange, market.symbol))
        if rows is not None:
            return int(rows[0, OPEN_TIME]), min(int(rows[-1, OPEN_TIME]) + MINUTE_MS, now_ms + 1)
        end = now_ms + 1 if market.halted_ms is None else min(market.halted_ms, now_ms + 1)
        return market.listed_ms, end

    def _stored(self, market: Market, start_ms: int, end_ms: int, *, by_hour: bool) -> Ints:
        """Finished rows with start ≤ open < end, by the minute or by the hour."""
        blocks = self._hours if by_hour else self._minutes
        days = range(start_ms // DAY_MS, -(-end_ms // DAY_MS))
        parts = [blocks(market, day) for day in days]
        if not parts:
            return NO_ROWS
        rows = parts[0] if len(parts) == 1 else np.concatenate(parts)
        first, last = np.searchsorted(rows[:, OPEN_TIME], (start_ms, end_ms))
        return rows[first:last]

    def _in_progress(self, market: Market, open_ms: int, now_ms: int) -> Ints:
        """The unfinished minute as seen now: no row, a flat one, or what its trades so far build."""
        row = self._stored(market, open_ms, open_ms + MINUTE_MS, by_hour=False)
        if not len(row) or row[0, COUNT] == 0:
            return row
        done = [trade for trade in minute_trades(market, row[0]) if trade.time_ns <= now_ms * 1_000_000]
        if done:
            return candle_of(open_ms, done)[None, :]
        before = self._stored(market, open_ms - DAY_MS, open_ms, by_hour=False)
        if market.exchange not in FLAT_EXCHANGES or not len(before):
            return NO_ROWS
        flat = np.full(7, before[-1, CLOSE], dtype=np.int64)
        flat[[OPEN_TIME, VOLUME, COUNT]] = (open_ms, 0, 0)
        return flat[None, :]

    def _visible(self, market: Market, start_ms: int, end_ms: int, now_ms: int, *, by_hour: bool) -> Ints:
        """Rows of [start, end) as they stand now; by the hour only as far as hours are finished."""
        current_minute = now_ms // MINUTE_MS * MINUTE_MS
        if end_ms <= current_minute and not by_hour:
            return self._stored(market, start_ms, end_ms, by_hour=False)
        whole_hours = min(end_ms, now_ms // HOUR_MS * HOUR_MS)
        hours = self._stored(market, start_ms, whole_hours, by_hour=True) if by_hour else NO_ROWS
        rest = max(start_ms, whole_hours) if by_hour else start_ms
        minutes = self._stored(market, rest, min(end_ms, current_minute), by_hour=False)
        now = self._in_progress(market, current_minute, now_ms) if start_ms <= current_minute < end_ms else NO_ROWS
        return np.concatenate((hours, minutes, now))

    def between(self, market: Market, timeframe: str, start_ms: int, end_ms: int, now_ms: int) -> Ints:
        """Candles with start ≤ open time < end, ascending, the one in progress last."""
        first_ms, last_ms = self.extent_ms(market, now_ms)
        opened = ceil_open(market.exchange, timeframe, max(start_ms, floor_open(market.exchange, timeframe, first_ms)))
        end = min(ceil_open(market.exchange, timeframe, end_ms), last_ms)
        if opened >= end:
            return NO_ROWS
        by_hour = timeframe[-1] != "m"
        return aggregate(market.exchange, timeframe, self._visible(market, opened, end, now_ms, by_hour=by_hour))

    def first(self, market: Market, timeframe: str, start_ms: int, end_ms: int, limit: int, now_ms: int) -> Ints:
        """The earliest `limit` candles of [start, end)."""
        first_ms, last_ms = self.extent_ms(market, now_ms)
        at = max(start_ms, floor_open(market.exchange, timeframe, first_ms))
        end = min(end_ms, last_ms)
        span = limit * duration_ms(timeframe)
        parts, found = [NO_ROWS], 0
        while at < end and found < limit:
            parts.append(self.between(market, timeframe, at, min(at + span, end), now_ms))
            found += len(parts[-1])
            at += span
        return np.concatenate(parts)[:limit]

    def last(self, market: Market, timeframe: str, start_ms: int, end_ms: int, limit: int, now_ms: int) -> Ints:
        """The latest `limit` candles of [start, end), ascending."""
        first_ms, last_ms = self.extent_ms(market, now_ms)
        start = max(start_ms, floor_open(market.exchange, timeframe, first_ms))
        at = min(end_ms, last_ms)
        span = limit * duration_ms(timeframe)
        parts, found = [NO_ROWS], 0
        while at > start and found < limit:
            parts.append(self.between(market, timeframe, max(at - span, start), at, now_ms))
            found += len(parts[-1])
            at -= span
        return np.concatenate(parts[::-1])[-limit:]

    def trades_after(self, market: Market, since_ns: int, now_ms: int) -> Iterator[Trade]:
        """Trades later than `since_ns` (exclusive) and not later than now, ascending."""
        first_ms, last_ms = self.extent_ms(market, now_ms)
        start_ms = max(first_ms, since_ns // 1_000_000 // MINUTE_MS * MINUTE_MS)
        for day in range(start_ms // DAY_MS, -(-last_ms // DAY_MS)):
            rows = self._minutes(market, day)
            for row in rows[(rows[:, OPEN_TIME] >= start_ms) & (rows[:, COUNT] > 0)]:
                for trade in minute_trades(market, row):
                    if trade.time_ns > now_ms * 1_000_000:
                        return
                    if trade.time_ns > since_ns:
                        yield trade

    def latest_trades(self, market: Market, count: int, now_ms: int) -> list[Trade]:
        """The last `count` trades until now, ascending."""
        first_ms, last_ms = self.extent_ms(market, now_ms)
        found: list[Trade] = []
        for day in range((last_ms - 1) // DAY_MS, first_ms // DAY_MS - 1, -1):
            rows = self._minutes(market, day)
            for row in rows[(rows[:, COUNT] > 0) & (rows[:, OPEN_TIME] <= now_ms)][::-1]:
                done = [t for t in minute_trades(market, row) if t.time_ns <= now_ms * 1_000_000]
                found[:0] = done
                if len(found) >= count:
                    return found[-count:]
        return found
