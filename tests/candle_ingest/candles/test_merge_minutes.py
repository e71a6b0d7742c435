"""Merging with conversion and guard, against the rules computed one minute at a time."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from candle_ingest.candles.candles import Candles
from candle_ingest.candles.merge import Conversion, merge_minutes
from candle_ingest.candles.merge_method import MergeMethod
from candle_ingest.candles.quality import grades
from candle_ingest.candles.rates import RateSeries
from candle_ingest.candles.window import MINUTE_MS, Window
from tests.candle_ingest.candles.plain_minutes import plain_merge_minutes
from tests.support.merge_candles import merge_candles

START_MS = 1_700_000_040_000
WINDOW = Window(START_MS, START_MS + 4 * MINUTE_MS)
NAMES = ("binance", "bitstamp", "coinbaseexchange", "kraken", "kucoin")
OBSERVED = MergeMethod()
PAR = MergeMethod(quote_conversion="par")
UNGUARDED = MergeMethod(guard_percent=0)
EXTREMES = MergeMethod(high_low="extremes")
METHODS = st.sampled_from([OBSERVED, PAR, UNGUARDED, EXTREMES, MergeMethod(guard_percent=1)])
VOLUMES = st.just(0.0) | st.floats(1e-6, 1e6)
NEAR = st.floats(99, 101)
ANY = st.floats(80, 120)
RATES = st.lists(st.floats(0.88, 1.12) | st.just(math.nan), min_size=4, max_size=4)


@st.composite
def candle_values(draw, prices):
    open_, close, one, other = draw(st.tuples(prices, prices, prices, prices))
    values = (open_, close, one, other)
    return (open_, max(values), min(values), close, draw(VOLUMES))


def markets(prices, **sizes):
    return st.dictionaries(
        st.sampled_from(NAMES), st.dictionaries(st.integers(0, 3), candle_values(prices), max_size=4), **sizes
    )


def candles(minutes):
    return Candles.from_rows([(START_MS + minute * MINUTE_MS, *minutes[minute]) for minute in sorted(minutes)])


def series(values):
    return RateSeries(WINDOW, np.array(values), ("USDT/USD: kraken",), ~np.isnan([values]))


def conversion(values, legs=("binance", "kucoin")):
    return Conversion("USD", dict.fromkeys(legs, "USDT"), {"USDT": series(values)})


PARITY = conversion([1.0] * 4)


def merge(book, rates=PARITY, method=OBSERVED):
    return merge_minutes({name: candles(minutes) for name, minutes in book.items()}, rates, method)


def bits(merged):
    values = (merged.candles.open_time_ms, merged.candles.ohlcv, merged.vwap, merged.trade_count)
    return [value.tobytes() for value in values], merged.exchange_count.tolist(), merged.source_exchanges


@given(markets(ANY), RATES, METHODS)
def test_a_merge_equals_the_rules_applied_minute_by_minute(book, rates, method):
    merged, quality = merge(book, conversion(rates), method)
    expected = plain_merge_minutes(book, {"binance": rates, "kucoin": rates}, method)
    assert merged.candles.open_time_ms.tolist() == [
        START_MS + minute * MINUTE_MS for minute, found in sorted(expected.items()) if found.candle
    ]
    parts = zip(merged.candles.ohlcv, merged.source_exchanges, strict=True)
    by_minute = dict(zip(merged.candles.open_time_ms.tolist(), parts, strict=True))
    for index, (minute, found) in enumerate(sorted(expected.items())):
        assert quality.open_time_ms[index] == START_MS + minute * MINUTE_MS
        assert {text.split(":")[0] for text in quality.excluded[index].split(", ") if text} == found.left_out
        assert {text.split(":")[0] for text in quality.clamped[index].split(", ") if text} == found.clamped
        assert {text.split(":")[0] for text in quality.disputed[index].split(", ") if text} == found.disputed
        if found.candle:
            values, sources = by_minute[START_MS + minute * MINUTE_MS]
            np.testing.assert_allclose(values, found.candle, rtol=1e-12)
            assert sources == ",".join(sorted(found.used))
            assert quality.dispersion_bps[index] == pytest.approx(found.dispersion_bps, abs=1e-6)
        else:
            assert math.isnan(quality.dispersion_bps[index])


@given(markets(ANY), METHODS)
def test_rates_of_one_give_what_par_gives_to_the_bit(book, method):
    par = MergeMethod(quote_conversion="par", guard_percent=method.guard_percent, high_low=method.high_low)
    one, other = merge(book, PARITY, method), merge(book, conversion([0.9] * 4), par)
    assert bits(one[0]) == bits(other[0])
    assert one[1].excluded == other[1].excluded
    assert one[1].dispersion_bps.tobytes() == other[1].dispersion_bps.tobytes()


@given(markets(NEAR), st.sampled_from(["weighted", "extremes"]))
def test_where_all_are_within_the_limit_the_guard_changes_no_bit(book, high_low):
    guarded, quality = merge(book, PARITY, MergeMethod(high_low=high_low))
    without = merge_candles({name: candles(minutes) for name, minutes in book.items()}, high_low)
    assert bits(guarded) == bits(without)
    assert {*quality.excluded, *quality.clamped, *quality.disputed} <= {""}


@given(markets(ANY), st.integers(-8, 8))
def test_a_rate_and_its_leg_scaled_inversely_cancel_to_the_bit(book, exponent):
    scale = 2.0**exponent
    scaled = {
        name: {
            minute: (*(price / scale if name in ("binance", "kucoin") else price for price in values[:4]), values[4])
            for minute, values in minutes.items()
        }
        for name, minutes in book.items()
    }
    rates = [0.92, 0.93, math.nan, 0.94]
    legs = dict.fromkeys(("binance", "kucoin"), "USDT")
    one = merge(book, Conversion("EUR", legs, {"USDT": series(rates)}))
    other = merge(scaled, Conversion("EUR", legs, {"USDT": series([rate * scale for rate in rates])}))
    assert bits(one[0]) == bits(other[0])


@given(markets(ANY), RATES, METHODS, st.randoms())
def test_the_order_of_exchanges_does_not_change_one_bit(book, rates, method, random):
    names = list(book)
    random.shuffle(names)
    one, other = (merge(own, conversion(rates), method) for own in (book, {name: book[name] for name in names}))
    assert bits(one[0]) == bits(other[0])
    assert (one[1].excluded, one[1].clamped, one[1].disputed) == (
        other[1].excluded,
        other[1].clamped,
        other[1].disputed,
    )


@given(markets(ANY), RATES, METHODS, st.integers(0, 3))
def test_a_minute_is_merged_alike_alone_and_beside_others(book, rates, method, minute):
    alone = {name: {m: v for m, v in minutes.items() if m == minute} for name, minutes in book.items()}
    whole, part = merge(book, conversion(rates), method)[0], merge(alone, conversion(rates), method)[0]
    time_ms = START_MS + minute * MINUTE_MS
    assert whole.candles.between(time_ms, time_ms + 1).ohlcv.tobytes() == part.candles.ohlcv.tobytes()


@given(markets(ANY, min_size=1), METHODS.filter(lambda method: method.quote_conversion == "observed"))
def test_a_leg_without_a_rate_is_absent_and_never_at_par(book, method):
    without = {name: minutes for name, minutes in book.items() if name not in ("binance", "kucoin")}
    merged, quality = merge(book, conversion([math.nan] * 4), method)
    assert bits(merged) == bits(merge(without, PARITY, method)[0])
    for name in {"binance", "kucoin"} & set(book):
        texts = dict(zip(quality.open_time_ms.tolist(), quality.excluded, strict=True))
        assert all(f"{name}: no rate USDT/USD" in texts[START_MS + m * MINUTE_MS] for m in book[name])
    letters = grades(np.full(len(quality), 3), quality, np.ones(len(quality), np.bool_))
    doubtful = {letter for letter, text in zip(letters, quality.excluded, strict=True) if "no rate" in text}
    assert doubtful <= {"D"}


@given(
    st.lists(candle_values(st.floats(99.95, 100.05)).filter(lambda v: v[4] > 0), min_size=2, max_size=4),
    candle_values(st.floats(1e-6, 1e9)),
    st.floats(1e-9, 1e15),
)
def test_one_wrong_exchange_moves_open_and_close_by_the_limit_at_most(honest, lie, volume):
    book = {name: {0: values} for name, values in zip(NAMES, honest, strict=False)}
    truth, _ = merge(book, Conversion("USD", {}, {}))
    book["zaif"] = {0: (*lie[:4], volume)}
    merged, _ = merge(book, Conversion("USD", {}, {}))
    epsilon = math.log(100.05 / 99.95)
    for field in (0, 3):
        moved = abs(math.log(merged.candles.ohlcv[0, field] / truth.candles.ohlcv[0, field]))
        assert moved <= math.log(1.05) + epsilon + 1e-12


@pytest.mark.parametrize(("rate", "used"), [(0.91, True), (0.89, False), (1.09, True), (1.11, False)])
def test_a_leg_further_than_ten_percent_from_its_dollar_is_not_used(rate, used):
    book = {"binance": {0: (100.0 / rate,) * 4 + (1.0,)}, "kraken": {0: (100.0,) * 4 + (1.0,)}}
    merged, quality = merge(book, conversion([rate] * 4))
    assert merged.source_exchanges == ["binance,kraken" if used else "kraken"]
    assert quality.excluded == ["" if used else "binance: USDT/USD off by more than 10%"]


def with_extras(price, volume, *extras):
    return Candles.from_rows([(START_MS, *[price] * 4, volume, *extras)])


def test_vwap_is_converted_and_base_volume_and_trades_are_not():
    book = {"binance": with_extras(100.0, 2.0, 200.0, 7, 1.0), "kraken": with_extras(98.0, 1.0, 98.0, 5, math.nan)}
    merged, _ = merge_minutes(book, conversion([0.98] * 4), OBSERVED)
    assert merged.candles.rows() == [(START_MS, 98.0, 98.0, 98.0, 98.0, 3.0)]
    assert merged.vwap == pytest.approx([98.0])
    assert merged.trade_count.tolist() == [12.0]


def test_vwap_counts_only_the_exchanges_used():
    book = {name: with_extras(100.0, 1.0, 100.0, 7, 1.0) for name in ("bitstamp", "kraken")}
    merged, quality = merge_minutes({**book, "gate": with_extras(200.0, 1.0)}, PARITY, OBSERVED)
    assert (merged.vwap.tolist(), merged.trade_count.tolist()) == ([100.0], [14.0])
    assert quality.excluded == ["gate: close +100.0 %"] or quality.excluded == ["gate: open +100.0 %"]


def test_quality_describes_deviations_in_words():
    steady = (100.0, 101.0, 99.0, 100.0, 5.0)
    book = {"bitstamp": {0: steady}, "coinbaseexchange": {0: steady}, "gate": {0: steady}}
    book |= {"kraken": {0: (100.0, 101.0, 95.0, 95.1, 9.0)}, "okx": {0: (100.0, 130.0, 70.0, 100.0, 1.0)}}
    _, quality = merge(book, Conversion("USD", {}, {}), MergeMethod(guard_percent=3))
    assert quality.excluded == ["kraken: close -4.9 %"]
    assert quality.clamped == ["okx: high +28.7 %, okx: low -29.3 %"]
    assert quality.disputed == [""]


def test_an_excluded_exchange_does_not_widen_the_dispersion():
    steady = (100.0,) * 4 + (1.0,)
    book = {"bitstamp": {0: steady}, "gate": {0: (100.1,) * 4 + (1.0,)}, "kraken": {0: (50.0,) * 4 + (1.0,)}}
    _, quality = merge(book)
    assert quality.dispersion_bps[0] == pytest.approx(0.1 / 100.05 * 1e4)


def test_a_flat_candle_does_not_widen_the_dispersion():
    book = {"gate": {0: (100.0,) * 4 + (1.0,)}, "kraken": {0: (90.0,) * 4 + (0.0,)}}
    _, quality = merge(book)
    assert quality.dispersion_bps.tolist() == [0.0]


@pytest.mark.parametrize(
    ("closes", "final", "grade"),
    [
        ((100.0, 100.1, 100.2), True, "A"),
        ((100.0, 100.1, 100.21), True, "B"),
        ((100.0, 100.3, 100.51), True, "C"),
        ((100.0, 100.1), True, "B"),
        ((100.0, 100.6), True, "C"),
        ((100.0,), True, "C"),
        ((100.0, 105.0), True, "D"),
        ((100.0, 100.1, 100.2), False, "D"),
    ],
)
def test_the_grade_of_a_minute(closes, final, grade):
    book = {name: {0: (close,) * 4 + (1.0,)} for name, close in zip(NAMES[1:], closes, strict=False)}
    merged, quality = merge(book, Conversion("USD", {}, {}))
    assert grades(merged.exchange_count, quality, np.array([final])) == [grade]


def test_a_refused_exchange_is_left_out_with_its_reason():
    book = {"binance": {0: (100.0,) * 4 + (1.0,)}, "kraken": {0: (9.0,) * 4 + (99.0,), 1: (9.0,) * 4 + (99.0,)}}
    merged, quality = merge(book, Conversion("USD", {}, {}, {"kraken": "another asset"}))
    assert merged.candles.rows() == [(START_MS, 100.0, 100.0, 100.0, 100.0, 1.0)]
    assert quality.excluded == ["kraken: another asset"] * 2
    assert (quality.disputed, quality.dispersion_bps[0]) == (["", ""], 0.0)


def test_nothing_merges_to_nothing():
    for book in ({}, {"kraken": {}}):
        merged, quality = merge(book)
        assert (len(merged), len(quality), quality.excluded) == (0, 0, [])


def test_the_method_has_a_name_of_its_own_for_each_setting():
    methods = [OBSERVED, PAR, UNGUARDED, EXTREMES, MergeMethod(guard_percent=1.25)]
    assert len(set(map(str, methods))) == len(methods)
    assert str(OBSERVED) == "observed rates, guard 5 %, weighted high and low"
