import math

import numpy as np
import pytest

from candle_ingest.candles.candles import Candles
from candle_ingest.candles.extra_checks import IMPOSSIBLE, MAX_TRADE_COUNT, VWAP_OUTSIDE, without_unsound_extras
from candle_ingest.candles.resampling import resample
from candle_ingest.candles.timeframe import Timeframe
from candle_ingest.exchanges.profiles import PROFILES
from candle_ingest.store.line_protocol import with_columns

OHLCV = (100.0, 110.0, 90.0, 105.0, 2.0)


def candles(*extras):
    return Candles.from_rows([(60_000 * index, *OHLCV, *own) for index, own in enumerate(extras)])


@pytest.mark.parametrize(
    "extras",
    [
        (200.0, 3, 1.5),
        (180.0, 3, 2.0),
        (220.0, 3, 0.0),
        (220.0 * (1 + 5e-7), 3, 0.0),
        (200.0, math.nan, math.nan),
        (math.nan, 3, math.nan),
        (math.nan, math.nan, math.nan),
    ],
)
def test_extras_that_agree_with_the_candle_are_kept(extras):
    kept, lost = without_unsound_extras(candles(extras))
    assert not lost
    np.testing.assert_array_equal(kept.extras, [extras])


@pytest.mark.parametrize(
    ("extras", "reason"),
    [
        ((179.0, 3, 1.5), VWAP_OUTSIDE),
        ((221.0, 3, 1.5), VWAP_OUTSIDE),
        ((200.0, -1, 1.5), IMPOSSIBLE),
        ((200.0, 2.5, 1.5), IMPOSSIBLE),
        ((200.0, 1e30, 1.5), IMPOSSIBLE),
        ((200.0, MAX_TRADE_COUNT + 1, 1.5), IMPOSSIBLE),
        ((200.0, 3, 2.1), IMPOSSIBLE),
        ((200.0, 3, -0.1), IMPOSSIBLE),
        ((math.inf, 3, 1.0), IMPOSSIBLE),
        ((math.nan, 3, 2.1), IMPOSSIBLE),
    ],
)
def test_extras_that_contradict_the_candle_are_dropped_and_ohlcv_is_kept(extras, reason):
    kept, lost = without_unsound_extras(candles((200.0, 3, 1.5), extras))
    assert lost == {reason: 1}
    np.testing.assert_array_equal(kept.extras, [(200.0, 3, 1.5), (math.nan,) * 3])
    np.testing.assert_array_equal(kept.ohlcv, [OHLCV, OHLCV])


def test_quote_volume_without_volume_is_unsound():
    flat = Candles.from_rows(
        [(0, 1.0, 1.0, 1.0, 1.0, 0.0, 5.0, 0, 0.0), (60_000, 1.0, 1.0, 1.0, 1.0, 0.0, 0.0, 0, 0.0)]
    )
    kept, lost = without_unsound_extras(flat)
    assert (lost, np.isnan(kept.extras).all(axis=1).tolist()) == ({VWAP_OUTSIDE: 1}, [True, False])


def test_the_largest_trade_counts_of_a_day_add_up_to_a_written_integer():
    day = Candles.from_rows([(60_000 * n, *OHLCV, math.nan, MAX_TRADE_COUNT, math.nan) for n in range(1440)])
    kept, lost = without_unsound_extras(day)
    merged = len(PROFILES) * resample(kept, Timeframe(1440)).extra_column("trade_count")
    [line] = with_columns({"trade_count": merged}, ["exchange_count=11i"])
    assert not lost
    assert line == f"trade_count={len(PROFILES) * 1440 * MAX_TRADE_COUNT}i,exchange_count=11i"
