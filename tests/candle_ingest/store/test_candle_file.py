import csv

import numpy as np
import pytest
from pyarrow import parquet

from candle_ingest.candles.candles import Candles
from candle_ingest.candles.graded import GradedCandles
from candle_ingest.candles.merge import MergedCandles
from candle_ingest.candles.quality import Quality
from candle_ingest.candles.window import MINUTE_MS
from candle_ingest.store.candle_file import columns_of, write_candle_file

START_MS = 1_767_225_600_000
LEGS = ("USDT", "USDC")


def part(place, rate=0.9985):
    """Return one minute whose extra columns are known or not."""
    times = np.array([START_MS + place * MINUTE_MS])
    candles = Candles(times, np.array([[1.0, 4.0, 0.5, 2.0, 7.0]]))
    known = np.array([2.5 if place == 0 else np.nan])
    merged = MergedCandles(candles, np.array([2]), ["binance,kraken"], known, known * 4)
    quality = Quality(times, np.array([1.5]), [""], ["kraken: low -10.0 %"], [""], {"USDT": np.array([rate])})
    return GradedCandles(merged, quality, ["B"])


def test_csv_has_the_quality_of_each_minute_and_empty_cells_for_unknown_values(tmp_path):
    assert write_candle_file(tmp_path / "x.csv", [part(0), part(1, rate=np.nan)], LEGS) == 2
    with (tmp_path / "x.csv").open() as file:
        heading, first, second = csv.reader(file)
    assert heading == columns_of(LEGS)
    candle = ["1.0", "4.0", "0.5", "2.0", "7.0", "2", "binance,kraken"]
    quality = ["1.5", "", "kraken: low -10.0 %", ""]
    assert first == ["2026-01-01T00:00:00Z", *candle, "2.5", "10", *quality, "0.9985", "", "B"]
    assert second == ["2026-01-01T00:01:00Z", *candle, "", "", *quality, "", "", "B"]


def test_parquet_has_the_same_columns_with_types(tmp_path):
    write_candle_file(tmp_path / "x.parquet", [part(0), part(1)], LEGS)
    table = parquet.read_table(tmp_path / "x.parquet")
    assert table.column_names == columns_of(LEGS)
    assert str(table.schema.field("trade_count").type) == "int64"
    assert table["trade_count"].to_pylist() == [10, None]
    assert table["rate_usdt"].to_pylist() == [0.9985, 0.9985]
    assert table["rate_usdc"].to_pylist() == [None, None]
    assert table["clamped"].to_pylist() == ["kraken: low -10.0 %"] * 2
    assert table["grade"].to_pylist() == ["B", "B"]


def test_an_unfinished_file_is_removed(tmp_path):
    def parts():
        yield part(0)
        raise RuntimeError

    with pytest.raises(RuntimeError):
        write_candle_file(tmp_path / "x.csv", parts())
    assert list(tmp_path.iterdir()) == []
