"""2023-03-12, when USDC had lost its peg: BTC/USDC converted at USDC/USDT, against BTC/USDT, all of one exchange."""

import csv
import gzip
from pathlib import Path

import numpy as np
import pytest

from candle_ingest.candles.candles import Candles
from candle_ingest.candles.merge import Conversion, merge_minutes
from candle_ingest.candles.merge_method import MergeMethod
from candle_ingest.candles.rates import RateSeries, is_depeg, leg_rate
from candle_ingest.candles.window import MINUTE_MS, Window

RECORDED = Path(__file__).parents[2] / "market_data"
DAY_MS = 1_678_579_200_000
WINDOW = Window(DAY_MS + 390 * MINUTE_MS, DAY_MS + 1440 * MINUTE_MS)
WICK_MS = DAY_MS + (23 * 60 + 23) * MINUTE_MS
CLOSE, VOLUME = 3, 4


def recorded(name: str) -> Candles:
    with gzip.open(RECORDED / f"binance_{name}_1m_20230312.csv.gz", "rt") as file:
        return Candles.from_rows([tuple(map(float, row)) for row in list(csv.reader(file))[1:]])


BTCUSDT, BTCUSDC, USDCUSDT = map(recorded, ("BTCUSDT", "BTCUSDC", "USDCUSDT"))


@pytest.fixture(scope="module")
def rate() -> RateSeries:
    return leg_rate("USDC", "USDT", {"USDC/USDT": {"binance": USDCUSDT}}, WINDOW)


def distances(rates) -> list[float]:
    """Return median, 99th percentile and maximum distance of the traded closes, in log basis points."""
    traded = BTCUSDC.ohlcv[:, VOLUME] > 0
    reference = BTCUSDT.between(WINDOW.start_ms, WINDOW.end_ms).ohlcv[traded, CLOSE]
    apart = np.abs(np.log(BTCUSDC.ohlcv[traded, CLOSE] * rates[traded] / reference)) * 1e4
    assert len(apart) == 997
    return np.percentile(apart, [50, 99, 100]).round(1).tolist()


def test_at_par_the_closes_are_five_percent_apart():
    assert distances(np.ones(len(BTCUSDC))) == [494.1, 626.9, 786.4]


def test_at_observed_rates_the_closes_are_five_basis_points_apart(rate):
    assert distances(rate.at(BTCUSDC.open_time_ms)) == [5.3, 44.9, 235.5]


def test_the_rate_of_the_minute_alone_is_only_slightly_closer():
    """The rate is still a median of five minutes, so that a wick in one of them does not become a price."""
    own = USDCUSDT.between(WINDOW.start_ms, WINDOW.end_ms).ohlcv[:, CLOSE]
    assert distances(own) == [4.6, 41.6, 235.5]


def test_the_day_is_marked_as_a_depeg_and_its_rate_stays_usable(rate):
    values = rate.at(BTCUSDC.open_time_ms)
    assert is_depeg(values).all()
    assert 0.90 < values.min() < values.max() < 0.995


def merged_at(open_time_ms, further=()):
    books = {"binance": BTCUSDC, "kucoin": BTCUSDT, **dict(further)}
    conversion = Conversion(
        "USDT", {"binance": "USDC"}, {"USDC": leg_rate("USDC", "USDT", {"USDC/USDT": {"binance": USDCUSDT}}, WINDOW)}
    )
    part = {name: candles.between(open_time_ms, open_time_ms + MINUTE_MS) for name, candles in books.items()}
    return merge_minutes(part, conversion, MergeMethod())


def test_the_wick_of_23_23_is_flagged_with_two_exchanges():
    merged, quality = merged_at(WICK_MS)
    assert quality.disputed == ["binance: high +38.5 %"]
    assert (quality.excluded, quality.clamped) == ([""], [""])
    assert merged.source_exchanges == ["binance,kucoin"]


def test_the_wick_of_23_23_is_clamped_with_three_exchanges():
    [third] = BTCUSDT.between(WICK_MS, WICK_MS + MINUTE_MS).ohlcv
    bitstamp = Candles(np.array([WICK_MS]), np.array([[*(third[:4] * 1.0002), 3.0]]))
    merged, quality = merged_at(WICK_MS, {"bitstamp": bitstamp}.items())
    assert quality.clamped == ["binance: high +125.2 %"]
    assert (quality.excluded, quality.disputed) == ([""], [""])
    assert merged.exchange_count.tolist() == [3]
    assert merged.candles.ohlcv[0, 1] < 21_851.41 * 1.05


def test_conversion_pulls_the_merged_close_to_that_of_the_market_that_kept_its_peg(rate):
    books = {"binance": BTCUSDC, "kucoin": BTCUSDT.between(WINDOW.start_ms, WINDOW.end_ms)}
    conversion = Conversion("USDT", {"binance": "USDC"}, {"USDC": rate})
    par, observed = (
        merge_minutes(books, conversion, MergeMethod(quote_conversion=quotes))[0].candles.ohlcv[:, CLOSE]
        for quotes in ("par", "observed")
    )
    reference = books["kucoin"].ohlcv[:, CLOSE]
    apart = [np.abs(np.log(merged / reference)).max() * 1e4 for merged in (par, observed)]
    assert apart == [pytest.approx(210.4, abs=0.1), pytest.approx(0, abs=50)]
