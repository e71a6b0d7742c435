"""Merging a month of three exchanges with conversion and guard, against a plain loop over dicts without either."""

import numpy as np

from benchmarks.figures import take_turns
from benchmarks.plain_merge import PRICES, Row, plain_merge
from benchmarks.result import Result, at_least
from benchmarks.sample import days, sample_candles
from benchmarks.workbench import Workbench
from candle_ingest.candles.candles import Candles
from candle_ingest.candles.merge import Conversion, merge_minutes
from candle_ingest.candles.merge_method import MergeMethod
from candle_ingest.candles.rates import leg_rate, lookback

EXCHANGES = ("binance", "coinbaseexchange", "kraken")
RATE_EXCHANGES = ("bitstamp", "coinbaseexchange", "kraken")
MONTH = days(30)
# One wick, and one close that contradicts the others, in this many minutes: far more than in reality.
WICK_EVERY, WRONG_CLOSE_EVERY = 500, 2_000


def merge_speed(bench: Workbench) -> Result:
    """Compare arrays with dicts; both start with the data in memory."""
    arrays, rates = sample_book(), sample_rates()
    dicts = {name: _as_dicts(candles) for name, candles in arrays.items()}
    return Result(
        name="merge",
        what="merging 3 exchanges × 43,200 candles, one of them converted at rates of 3 markets, with the guard: "
        "merge_minutes against a plain loop over dicts that only averages",
        figures=take_turns(
            lambda: convert_and_merge(arrays, rates), lambda: plain_merge(dicts), bench.repetitions(11, 3)
        ),
        target=at_least(8),
    )


def convert_and_merge(arrays: dict[str, Candles], rates: dict[str, Candles]) -> None:
    """Make the rates of the month from the candles of the rate markets, and merge."""
    rate = leg_rate("USDT", "USD", {"USDT/USD": rates}, MONTH)
    merge_minutes(arrays, Conversion("USD", {"binance": "USDT"}, {"USDT": rate}), MergeMethod())


def sample_book() -> dict[str, Candles]:
    """Return a month of exchanges that follow one price about 5 bp apart, with wicks and wrong closes."""
    market = sample_candles(MONTH, seed=0)
    random = np.random.default_rng(1)
    book = {}
    for place, name in enumerate(EXCHANGES):
        noise = np.exp(random.normal(0, 0.0005, (len(market), 1)))
        values = np.column_stack([np.round(market.ohlcv[:, :4] * noise, 2), random.gamma(0.5, 10, len(market))])
        values[place::WICK_EVERY, 1] *= 1.2
        values[place::WRONG_CLOSE_EVERY, 2:4] *= 0.9
        book[name] = Candles(market.open_time_ms, values)
    return book


def sample_rates() -> dict[str, Candles]:
    """Return a month of USDT/USD on three exchanges."""
    window = lookback(MONTH)
    times = np.arange(window.start_ms, window.end_ms, 60_000, dtype=np.int64)
    random = np.random.default_rng(2)
    closes = {name: np.round(1 + random.normal(0, 0.0003, (len(times), 1)), 5) for name in RATE_EXCHANGES}
    return {name: Candles(times, np.hstack([own] * 4 + [np.ones((len(times), 1))])) for name, own in closes.items()}


def _as_dicts(candles: Candles) -> dict[int, Row]:
    return {time: dict(zip((*PRICES, "volume"), values, strict=True)) for time, *values in candles.rows()}
