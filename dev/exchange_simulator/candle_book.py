"""All candles and trades of all markets, as an exchange shows them at one moment, with the candle in progress."""

from collections.abc import Iterable, Iterator
from functools import lru_cache

import numpy as np

from dev.exchange_simulator.aggregation import aggregate
from dev.exchange_simulator.candle_columns import (
    CLOSE,
    COUNT,
    DAY_MS,
    MINUTE_MS,
    NO_ROWS,
    OPEN_TIME,
    SERVED_COLUMNS,
)
from dev.exchange_simulator.event_effects import make_true, shift_open_times, shown
from dev.exchange_simulator.hashing import Ints
from dev.exchange_simulator.market_events import SHOWN_KINDS, MarketEvent
from dev.exchange_simulator.markets import Market
from dev.exchange_simulator.minute_candles import FLAT_EXCHANGES, day_candles
from dev.exchange_simulator.timeframes import HOUR_MS, ceil_open, duration_ms, floor_open
from dev.exchange_simulator.trades import Trade, TradeColumns, candle_of, trade_columns, with_trade_sums

Events = tuple[MarketEvent, ...]
_DAYS_OF_MINUTES = 400
_DAYS_OF_HOURS = 8000
_DAYS_OF_TRADES = 8
# These send only open, high, low, close and volume: the rest is not computed for them.
_WITHOUT_TRADE_SUMS = frozenset({"coinbase", "coinbaseexchange", "bitstamp"})


class CandleBook:
    """Candles by market and time. Times are ms UTC; ranges are half-open; `now_ms` is the time of the request.

    `recorded` replaces the synthetic candles of a market, keyed (exchange, symbol), by rows of the same shape. `events`
    are those on the market.
    """

    def __init__(self, recorded: dict[tuple[str, str], Ints] | None = None, events: Iterable[MarketEvent] = ()) -> None:
        self._recorded = recorded or {}
        # By market, day and the market's events: candles that no change of events concerns need not be made again.
        self._minutes_of = lru_cache(_DAYS_OF_MINUTES)(self._make_minutes)
        self._hours_of = lru_cache(_DAYS_OF_HOURS)(self._make_hours)
        self._trades_of = lru_cache(_DAYS_OF_TRADES)(self._make_trades)
        self.set_events(events)

    def set_events(self, events: Iterable[MarketEvent]) -> None:
        """Replace the events on the market."""
        self.events = tuple(events)
        self.events_of = lru_cache(4096)(self._events_of)

    def _events_of(self, market: Market) -> Events:
        return tuple(event for event in self.events if event.concerns(market))

    def _minutes(self, market: Market, day: int) -> Ints:
        return self._minutes_of(market, day, self.events_of(market))

    def _make_minutes(self, market: Market, day: int, events: Events) -> Ints:
        rows = self._recorded.get((market.exchange, market.symbol))
        if rows is None:
            made = day_candles(market, day, events)
        else:
            start, end = np.searchsorted(rows[:, OPEN_TIME], (day * DAY_MS, (day + 1) * DAY_MS))
            made = rows[start:end].copy()
            make_true(market, events, made, made[:, COUNT] > 0)
        return shift_open_times(events, made)

    def _make_hours(self, market: Market, day: int, events: Events) -> Ints:
        return aggregate(market.exchange, "1h", self._served(market, self._make_minutes(market, day, events)))

    def _make_trades(self, market: Market, day: int, events: Events) -> tuple[Ints, TradeColumns]:
        rows = self._minutes_of(market, day, events)
        return rows, trade_columns(market, rows)

    def _served(self, market: Market, rows: Ints) -> Ints:
        """Return market rows with all columns."""
        if market.exchange not in _WITHOUT_TRADE_SUMS:
            return with_trade_sums(market, rows)
        served: Ints = np.zeros((len(rows), SERVED_COLUMNS), dtype=np.int64)
        served[:, : rows.shape[1]] = rows
        return served

    def extent_ms(self, market: Market, now_ms: int) -> tuple[int, int]:
        """Return the first possible open time, and the end of the last candle, including the one in progress."""
        rows = self._recorded.get((market.exchange, market.symbol))
        if rows is not None:
            return int(rows[0, OPEN_TIME]), min(int(rows[-1, OPEN_TIME]) + MINUTE_MS, now_ms + 1)
        end = now_ms + 1 if market.halted_ms is None else min(market.halted_ms, now_ms + 1)
        return market.listed_ms, end

    def _stored(self, market: Market, start_ms: int, end_ms: int) -> Ints:
        """Return the finished minutes with start ≤ open < end, as the market made them."""
        days = range(start_ms // DAY_MS, -(-end_ms // DAY_MS))
        return _between([self._minutes(market, day) for day in days], start_ms, end_ms)

    def _stored_hours(self, market: Market, start_ms: int, end_ms: int) -> Ints:
        days = range(start_ms // DAY_MS, -(-end_ms // DAY_MS))
        events = self.events_of(market)
        return _between([self._hours_of(market, day, events) for day in days], start_ms, end_ms)

    def _in_progress(self, market: Market, open_ms: int, now_ms: int) -> Ints:
        """Return the unfinished minute as seen now: no row, a flat one, or one built from its trades so far."""
        row = self._stored(market, open_ms, open_ms + MINUTE_MS)
        if not len(row) or row[0, COUNT] == 0:
            return self._served(market, row)
        trades = trade_columns(market, row)
        done = trades[trades.time_ns <= now_ms * 1_000_000]
        if len(done.id):
            return candle_of(market, int(row[0, OPEN_TIME]), done)[None, :]
        before = self._stored(market, open_ms - DAY_MS, open_ms)
        if market.exchange not in FLAT_EXCHANGES or not len(before):
            return NO_ROWS
        flat: Ints = np.zeros((1, SERVED_COLUMNS), dtype=np.int64)
        flat[0, OPEN_TIME : CLOSE + 1] = before[-1, CLOSE]
        flat[0, OPEN_TIME] = open_ms
        return flat

    def _visible(self, market: Market, start_ms: int, end_ms: int, now_ms: int, *, by_hour: bool) -> Ints:
        """Return the rows of [start, end) as they are now; by the hour, only for hours that have ended."""
        events = [event for event in self.events_of(market) if event.kind in SHOWN_KINDS]
        # What an exchange shows differs by the minute, so hours are built from minutes.
        by_hour = by_hour and not events
        current_minute = now_ms // MINUTE_MS * MINUTE_MS
        whole_hours = min(end_ms, now_ms // HOUR_MS * HOUR_MS)
        hours = self._stored_hours(market, start_ms, whole_hours) if by_hour else NO_ROWS
        rest = max(start_ms, whole_hours) if by_hour else start_ms
        minutes = shown(events, self._stored(market, rest, min(end_ms, current_minute)), now_ms)
        now = NO_ROWS
        if start_ms <= current_minute < end_ms:
            now = shown(events, self._in_progress(market, current_minute, now_ms), now_ms)
        return np.concatenate((hours, self._served(market, minutes), now))

    def between(self, market: Market, timeframe: str, start_ms: int, end_ms: int, now_ms: int) -> Ints:
        """Return candles with start ≤ open time < end, ascending, the one in progress last."""
        first_ms, last_ms = self.extent_ms(market, now_ms)
        opened = ceil_open(market.exchange, timeframe, max(start_ms, floor_open(market.exchange, timeframe, first_ms)))
        end = min(ceil_open(market.exchange, timeframe, end_ms), last_ms)
        if opened >= end:
            return NO_ROWS
        by_hour = timeframe[-1] != "m"
        rows = aggregate(market.exchange, timeframe, self._visible(market, opened, end, now_ms, by_hour=by_hour))
        # A candle off the grid may open after the end although its minute begins before.
        return rows[rows[:, OPEN_TIME] < end_ms]

    def first(self, market: Market, timeframe: str, start_ms: int, end_ms: int, limit: int, now_ms: int) -> Ints:
        """Return the earliest `limit` candles of [start, end)."""
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
        """Return the latest `limit` candles of [start, end), ascending."""
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
        """Return the trades later than `since_ns` (exclusive) and not later than now, ascending."""
        first_ms, last_ms = self.extent_ms(market, now_ms)
        start_ms = max(first_ms, since_ns // 1_000_000)
        for day in range(start_ms // DAY_MS, -(-last_ms // DAY_MS)):
            trades = self._shown_trades(market, day, now_ms)
            first = int(np.searchsorted(trades.time_ns, since_ns, side="right"))
            for begin in range(first, len(trades.id), 1000):
                yield from trades[begin : begin + 1000].as_trades()

    def latest_trades(self, market: Market, count: int, now_ms: int) -> list[Trade]:
        """Return the last `count` trades until now, ascending."""
        first_ms, last_ms = self.extent_ms(market, now_ms)
        found: list[Trade] = []
        for day in range((last_ms - 1) // DAY_MS, first_ms // DAY_MS - 1, -1):
            found[:0] = self._shown_trades(market, day, now_ms)[-count:].as_trades()
            if len(found) >= count:
                break
        return found[-count:]

    def _shown_trades(self, market: Market, day: int, now_ms: int) -> TradeColumns:
        """Return the trades of a day that have happened and are shown; only hidden minutes hide theirs."""
        rows, trades = self._trades_of(market, day, self.events_of(market))
        keep = trades.time_ns <= now_ms * 1_000_000
        for event in self.events_of(market):
            if event.kind == "hidden":
                keep &= ~event.applies_to(rows[trades.row, OPEN_TIME], now_ms)
        return trades[keep]


def _between(blocks: list[Ints], start_ms: int, end_ms: int) -> Ints:
    """Return the rows of ascending blocks with start ≤ open < end."""
    if not blocks:
        return NO_ROWS
    rows = blocks[0] if len(blocks) == 1 else np.concatenate(blocks)
    first, last = np.searchsorted(rows[:, OPEN_TIME], (start_ms, end_ms))
    return rows[first:last]
