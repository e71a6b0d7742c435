import numpy as np

from candle_ingest.candles.candles import Candles
from candle_ingest.candles.merge import Conversion, merge_minutes
from candle_ingest.candles.merge_method import MergeMethod
from candle_ingest.candles.quality_codes import QualityCounts, count_codes, quality_codes
from candle_ingest.candles.rates import RateSeries
from candle_ingest.candles.window import MINUTE_MS, Window

THREE = Window(0, 3 * MINUTE_MS)


def book(*closes):
    rows = [(place * MINUTE_MS, *[close] * 4, 1.0) for place, close in enumerate(closes) if close]
    return Candles.from_rows(rows)


def counted(books, legs=(), rates=(1.0, 1.0, 1.0)):
    series = RateSeries(THREE, np.array(rates), ("USDT/USD: kraken",), np.array([[True] * 3]))
    conversion = Conversion("USD", dict.fromkeys(legs, "USDT"), {"USDT": series} if legs else {})
    merged, quality = merge_minutes(books, conversion, MergeMethod())
    return count_codes(quality_codes(merged, quality, "USD"))


def test_each_minute_counts_for_its_grade():
    books = {"a": book(100, 100, 100), "b": book(100, 100, None), "c": book(100.1, None, None)}
    assert counted(books) == QualityCounts(grade_a=1, grade_b=1, grade_c=1)


def test_what_the_guard_does_is_counted():
    books = {"a": book(100, 100, 100), "b": book(100, 103, 100), "c": book(120, None, 100)}
    found = counted(books)
    assert (found.excluded, found.clamped, found.disputed) == (1, 0, 0)
    assert counted({"a": book(100), "b": book(110)}).disputed == 1


def test_conversions_and_a_stablecoin_off_its_dollar_are_counted():
    books = {"a": book(100, 100, 100), "b": book(100, 100, 100)}
    found = counted(books, legs=("b",), rates=(0.999, 0.95, np.nan))
    assert (found.converted, found.depeg, found.excluded) == (2, 1, 1)
    # One without a rate, and one in which 5 % lie between two exchanges.
    assert (found.grade_d, found.disputed) == (2, 1)


def test_a_minute_without_a_usable_candle_is_counted_too():
    found = counted({"b": book(100, 100, 100)}, legs=("b",), rates=(np.nan,) * 3)
    assert (found.grade_d, found.excluded) == (3, 3)


def test_counts_add_up_and_a_day_without_quality_has_none():
    assert QualityCounts(grade_a=1, depeg=2) + QualityCounts(grade_a=3) == QualityCounts(grade_a=4, depeg=2)
    assert count_codes(np.zeros(1440, np.uint8)) == QualityCounts()
