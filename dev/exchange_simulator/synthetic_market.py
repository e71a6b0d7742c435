"""The truth of the synthetic market: the rows that a correct client must have stored in the end.

Shares no code with the package. Temporary events are over: late candles have arrived, first values are corrected.
"""

from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from dev.exchange_simulator.candle_book import CandleBook
from dev.exchange_simulator.candle_columns import MINUTE_MS, OPEN_TIME
from dev.exchange_simulator.hashing import Ints
from dev.exchange_simulator.market_events import MarketEvent, in_the_end
from dev.exchange_simulator.markets import find_market
from dev.exchange_simulator.served_rows import CandleRow, served_rows
from dev.exchange_simulator.timeframes import duration_ms

Row = tuple[int, float, float, float, float, float]


class Extras(NamedTuple):
    """What an exchange sends in addition to a candle; None for values that it does not send."""

    quote_volume: float | None
    trade_count: int | None
    taker_buy_volume: float | None


# What each exchange sends with its candles, as its documentation of candles says.
_SENDS: dict[str, frozenset[str]] = {
    **{name: frozenset({"quote", "count", "taker"}) for name in ("binance", "binanceus")},
    **{name: frozenset({"quote", "count"}) for name in ("kraken", "htx")},
    **{name: frozenset({"quote"}) for name in ("okx", "bybit", "kucoin", "gate")},
}


@lru_cache(maxsize=8)
def _book(events: tuple[MarketEvent, ...]) -> CandleBook:
    return CandleBook(events=events)


def _true_rows(
    exchange: str, symbol: str, start_ms: int, end_ms: int, timeframe: str, events: Iterable[MarketEvent]
) -> list[CandleRow]:
    market = find_market(exchange, symbol)
    book = _book(in_the_end(events))
    after_ms = end_ms + 2 * duration_ms(timeframe)
    # A candle off the grid belongs to the minute in which it opens.
    candles: Ints = book.between(market, timeframe, start_ms, end_ms, after_ms).copy()
    candles[:, OPEN_TIME] -= candles[:, OPEN_TIME] % MINUTE_MS
    return list(served_rows(market, candles))


def true_candles(
    exchange: str,
    symbol: str,
    start_ms: int,
    end_ms: int,
    timeframe: str = "1m",
    events: Iterable[MarketEvent] = (),
) -> list[Row]:
    """Return the finished candles with start ≤ open time < end that the exchange has, ascending.

    Rows are (open time in ms; open, high, low, close in quote units; volume in base units). Quiet minutes are flat rows
    with volume 0, or missing if the exchange leaves them out (coinbaseexchange, coinbase, kucoin); outages of binance
    and binanceus are missing. `symbol` is unified, such as BTC/USDT; KeyError if the exchange does not list it. The
    whole range counts as past, whatever the clock says. Rows that `events` make permanently wrong are right here: see
    `wrong_minutes`.
    """
    return [row[:6] for row in _true_rows(exchange, symbol, start_ms, end_ms, timeframe, events)]


def true_extras(
    exchange: str, symbol: str, start_ms: int, end_ms: int, events: Iterable[MarketEvent] = ()
) -> dict[int, Extras]:
    """Return what the exchange sends beside its one-minute candles, by open time: floats, as it rounds them."""
    sends = _SENDS.get(exchange, frozenset())
    return {
        row.open_time_ms: Extras(
            row.quote_volume if "quote" in sends else None,
            row.trade_count if "count" in sends else None,
            row.taker_volume if "taker" in sends else None,
        )
        for row in _true_rows(exchange, symbol, start_ms, end_ms, "1m", events)
    }


def wrong_minutes(
    exchange: str, symbol: str, start_ms: int, end_ms: int, events: Iterable[MarketEvent]
) -> frozenset[int]:
    """Return the open times of minutes whose row stays wrong permanently, so that their candles cannot be trusted."""
    market = find_market(exchange, symbol)
    minutes: Ints = np.arange(-(-start_ms // MINUTE_MS), -(-end_ms // MINUTE_MS), dtype=np.int64) * MINUTE_MS
    wrong = [
        minutes[event.applies_to(minutes, end_ms)]
        for event in in_the_end(events)
        if event.kind == "wrong_row" and event.concerns(market)
    ]
    return frozenset(np.concatenate([np.empty(0, dtype=np.int64), *wrong]).tolist())
