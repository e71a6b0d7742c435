"""The plain loop that the package is compared with does the same work."""

import pytest

from benchmarks.merge_speed import EXCHANGES
from benchmarks.plain_merge import plain_merge
from benchmarks.sample import days, sample_candles
from tests.support.merge_candles import merge_candles


def test_the_plain_loop_merges_as_the_package_does():
    arrays = {name: sample_candles(days(1), seed) for seed, name in enumerate(EXCHANGES)}
    fields = ("open", "high", "low", "close", "volume")
    dicts = {
        name: {time: dict(zip(fields, values, strict=True)) for time, *values in candles.rows()}
        for name, candles in arrays.items()
    }
    merged = merge_candles(arrays).candles
    plain = plain_merge(dicts)
    assert list(plain) == merged.open_time_ms.tolist()
    assert [list(row.values()) for row in plain.values()] == [pytest.approx(row) for row in merged.ohlcv.tolist()]
