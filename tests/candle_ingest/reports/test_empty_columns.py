import numpy as np
import pytest

from candle_ingest.candles.candles import Candles
from candle_ingest.candles.graded import GradedCandles
from candle_ingest.candles.merge import MergedCandles
from candle_ingest.candles.quality import Quality
from candle_ingest.candles.window import MINUTE_MS
from candle_ingest.reports.empty_columns import EmptyColumns


def minutes(sources, vwap, trade_count, rates):
    times = np.arange(len(sources)) * MINUTE_MS
    candles = Candles(times, np.ones((len(sources), 5)))
    merged = MergedCandles(candles, np.full(len(sources), 2), sources, np.array(vwap), np.array(trade_count))
    none = [""] * len(sources)
    quality = Quality(
        times, np.zeros(len(sources)), none, none, none, {name: np.array(own) for name, own in rates.items()}
    )
    return GradedCandles(merged, quality, ["A"] * len(sources))


def sentence(*arguments, legs=("USDT",)):
    empty = EmptyColumns(legs)
    assert len(list(empty.watch([minutes(*arguments)]))) == 1
    return empty.sentence()


def test_without_empty_cells_there_is_no_sentence():
    assert sentence(["binance,kraken"], [1.0], [2.0], {"USDT": [0.999]}) == ""


@pytest.mark.parametrize(
    ("sources", "vwap", "trade_count", "said"),
    [
        (
            ["binance,kraken", "binance,coinbaseexchange"], [1.0, np.nan], [2.0, np.nan],
            "vwap in 1 of 2 candles (coinbaseexchange sends no quote volume); trade_count in 1 of 2 candles (coinbase",
        ),
        (
            ["binance,bitstamp,okx"], [1.0], [np.nan],
            "trade_count in 1 of 1 candle (bitstamp, okx send no number of trades)",
        ),
        (
            ["binance,kraken"], [np.nan], [2.0],
            "vwap in 1 of 1 candle (there were no trades, or an exchange sent no quote volume that can be trusted)",
        ),
    ],
    ids=["one", "two", "all-send"],
)  # fmt: skip
def test_exchanges_that_send_nothing_for_a_column_are_named(sources, vwap, trade_count, said):
    found = sentence(sources, vwap, trade_count, {"USDT": [0.999] * len(sources)})
    assert said in found
    assert found.startswith("Empty cells: ")


def test_a_rate_that_was_not_needed_is_counted():
    found = sentence(["kraken"], [1.0], [2.0], {}, legs=("USDT", "USDC"))
    assert "rate_usdt in 1 of 1 candle (no exchange needed the rate there, or there was none: see" in found
    assert "rate_usdc in 1 of 1 candle" in found
