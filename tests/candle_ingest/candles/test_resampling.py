import itertools
import math
from collections import Counter
from decimal import Decimal

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from candle_ingest.candles.candles import Candles
from candle_ingest.candles.resampling import resample, resampled_pages
from candle_ingest.candles.row_checks import CheckedPage, Page
from candle_ingest.candles.timeframe import Timeframe
from candle_ingest.candles.window import Window

MINUTE, HOUR = 60_000, 3_600_000
HOURLY = Timeframe(60)
prices = st.integers(1, 10**6).map(lambda cents: cents / 100)
volumes = st.one_of(st.just(0.0), st.integers(1, 10**8).map(lambda units: units / 10**8))


@st.composite
def minute_candles(draw, minutes=180):
    rows = []
    for minute in sorted(draw(st.sets(st.integers(0, minutes - 1)))):
        four = [draw(prices) for _ in range(4)]
        rows.append((minute * MINUTE, four[0], max(four), min(four), four[3], draw(volumes)))
    return Candles.from_rows(rows)


def slow(candles, bar_ms):
    """Resample by a plain loop over rows."""
    bars = {}
    for row in candles.rows():
        bars.setdefault(row[0] - row[0] % bar_ms, []).append(row)
    result = []
    for opened, rows in bars.items():
        rows = [row for row in rows if row[5] > 0] or rows
        volume = float(sum(Decimal(repr(row[5])) for row in rows))
        result.append((opened, rows[0][1], max(r[2] for r in rows), min(r[3] for r in rows), rows[-1][4], volume))
    return result


def page(candles, start, end, rejected=()):
    reasons = Counter({"volume negative": len(rejected)} if rejected else {})
    return Page(Window(start, end), CheckedPage(candles.between(start, end), reasons, frozenset(rejected)))


@given(minute_candles())
def test_equals_a_plain_loop_over_the_rows(candles):
    assert resample(candles, HOURLY).rows() == slow(candles, HOUR)


def test_a_flat_minute_is_ignored_if_others_of_the_bar_traded():
    candles = Candles.from_rows([(0, 5, 5, 5, 5, 0), (MINUTE, 7, 8, 6, 7, 2), (2 * MINUTE, 7, 7, 7, 7, 0)])
    assert resample(candles, HOURLY).rows() == [(0, 7, 8, 6, 7, 2)]


def test_an_hour_without_trades_stays_flat():
    candles = Candles.from_rows([(0, 5, 5, 5, 5, 0), (MINUTE, 5, 5, 5, 5, 0)])
    assert resample(candles, HOURLY).rows() == [(0, 5, 5, 5, 5, 0)]


def test_volumes_are_summed_as_exact_decimals():
    candles = Candles.from_rows([(minute * MINUTE, 1, 1, 1, 1, 0.1) for minute in range(3)])
    assert resample(candles, HOURLY).rows()[0][5] == 0.3


@given(minute_candles(), st.sets(st.integers(1, 179)))
def test_wherever_the_pages_are_cut_the_larger_candles_are_the_same(candles, cuts):
    borders = [0, *(cut * MINUTE for cut in sorted(cuts)), 3 * HOUR]
    pages = list(resampled_pages((page(candles, a, b) for a, b in itertools.pairwise(borders)), HOURLY))
    assert Candles.concatenate([p.checked.candles for p in pages]).rows() == resample(candles, HOURLY).rows()
    assert [p.window.start_ms for p in pages] == [0, *(p.window.end_ms for p in pages[:-1])]
    assert pages[-1].window.end_ms == 3 * HOUR


def test_a_larger_candle_with_a_rejected_part_is_rejected_and_says_why():
    candles = Candles.from_rows([(minute * MINUTE, 1, 1, 1, 1, 1) for minute in range(180) if minute != 70])
    cut = [page(candles, 0, 100 * MINUTE, [70 * MINUTE]), page(candles, 100 * MINUTE, 3 * HOUR)]
    pages = list(resampled_pages(cut, HOURLY))
    assert [time for p in pages for time, *_ in p.checked.candles.rows()] == [0, 2 * HOUR]
    assert [sorted(p.checked.rejected_slots) for p in pages] == [[HOUR]]
    assert pages[0].checked.rejected_in_words == "1 × volume negative"


def test_extras_of_a_bar_are_the_sums_of_its_parts_and_unknown_where_a_part_is():
    minutes = [
        (minute * MINUTE, 1.0, 1.0, 1.0, 1.0, 1.0, 0.1 + minute, 2, math.nan if minute == 5 else 0.5)
        for minute in range(6)
    ]
    bars = resample(Candles.from_rows(minutes), Timeframe(3))
    np.testing.assert_array_equal(bars.extras, [(3.3, 6, 1.5), (12.3, 6, math.nan)])


def test_a_larger_candle_without_any_of_its_parts_is_missing():
    half = Candles.from_rows([(minute * MINUTE, 1, 1, 1, 1, 1) for minute in range(90)])
    lacking = frozenset(range(90 * MINUTE, 3 * HOUR, MINUTE))
    parts = CheckedPage(half, missing_slots=lacking, corrections=Counter({"moved": 2}))
    [found] = resampled_pages([Page(Window(0, 3 * HOUR), parts)], HOURLY)
    assert [time for time, *_ in found.checked.candles.rows()] == [0, HOUR]
    assert found.checked.missing_slots == {2 * HOUR}
    assert found.checked.corrections == {"moved": 2}
