"""The windows, markets and candles that benchmarks use: the same in every run."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

import numpy as np

from candle_ingest.candles.candles import Candles
from candle_ingest.candles.window import DAY_MS, MINUTE_MS, Window
from dev.exchange_simulator.activity import outage

START_MS = int(datetime(2025, 1, 1, tzinfo=UTC).timestamp() * 1000)
# The present on the simulated exchanges: all requested candles lie in the past.
NOW_MS = int(datetime(2026, 1, 3, tzinfo=UTC).timestamp() * 1000)
BINANCE_BTC = {
    "id": "BTCUSDT", "symbol": "BTC/USDT", "base": "BTC", "quote": "USDT", "baseId": "BTC", "quoteId": "USDT",
}  # fmt: skip


def days(count: int) -> Window:
    """Return the first `count` days of 2025."""
    return Window(START_MS, START_MS + count * DAY_MS)


def calm_days(exchanges: Sequence[str], count: int, first: date, step_days: int = 1) -> date:
    """Return the first of `count` days without an outage, `first` or some steps later.

    A backfill over an outage fails until a second look a day later has proved it.
    """
    while any(outage(name, day).any() for name in exchanges for day in _day_numbers(first, count)):
        first += timedelta(days=step_days)
    return first


def _day_numbers(first: date, count: int) -> range:
    number = (first - date(1970, 1, 1)).days
    return range(number, number + count)


def sample_candles(window: Window, seed: int) -> Candles:
    """Return one candle a minute, with prices and volumes as precise as those of exchanges."""
    times = np.arange(window.start_ms, window.end_ms, MINUTE_MS, dtype=np.int64)
    random = np.random.default_rng(seed)
    prices = np.round(50_000 * np.exp(random.normal(0, 0.0005, (len(times), 4)).cumsum(axis=0)), 2)
    volume = np.round(random.gamma(0.5, 10, len(times)), 5)
    columns = prices[:, 0], prices.max(axis=1), prices.min(axis=1), prices[:, 3], volume
    return Candles(times, np.column_stack(columns))
