"""`export`: the file that it writes, and what it refuses to write."""

from __future__ import annotations

import csv
import json
import re

import pytest
from pyarrow import parquet

from candle_ingest.candles.dates import parse_moment_ms
from candle_ingest.candles.window import DAY_MS, Window
from candle_ingest.errors import ConfigurationError
from tests.integration.steps import merged_truth
from tests.integration.terminal.commands import period, run, text
from tests.integration.terminal.day import DAY, EXCHANGES, catch_up

pytestmark = pytest.mark.integration


@pytest.mark.parametrize("name", ["candles.csv", "candles.parquet"])
@pytest.mark.usefixtures("filled")
def test_an_export_is_the_merged_candles(tmp_path, name):
    truth = merged_truth(EXCHANGES, DAY)
    assert f"{len(truth):,} candles in" in export(tmp_path / name)
    found = read_file(tmp_path / name)
    assert [tuple(row[:6]) for row in found] == [tuple(row) for row in truth]
    assert {tuple(row[6:]) for row in found} <= {(2, "binance,coinbaseexchange"), (1, "binance"), (1, EXCHANGES[1])}
    assert list(tmp_path.iterdir()) == [tmp_path / name]


@pytest.mark.usefixtures("without_coinbase")
def test_an_export_is_refused_where_an_exchange_is_open_unless_one_says_so(tmp_path):
    path = tmp_path / "candles.csv"
    assert "no settled answer of coinbaseexchange for" in export(path, status=1)
    assert not path.exists()
    [part] = json.loads(export(path, "--allow-incomplete", "--json").splitlines()[-1])["open"]
    assert part["source"] == "coinbaseexchange"
    assert len(read_file(path)) == len(merged_truth(EXCHANGES[:1], DAY))


@pytest.mark.usefixtures("filled")
def test_an_export_beyond_what_is_merged_is_refused(tmp_path):
    before = Window(DAY.start_ms - DAY_MS, DAY.start_ms)
    output = export(tmp_path / "candles.csv", window=Window(before.start_ms, DAY.end_ms), status=1)
    assert f"BTC/USD: not merged for {before}" in output


@pytest.mark.usefixtures("filled")
def test_an_export_up_to_tomorrow_ends_where_candles_can_be(tmp_path):
    path, window = tmp_path / "candles.csv", Window(DAY.start_ms, DAY.end_ms + 2 * DAY_MS)
    refused = export(path, window=window, status=1)
    assert "The export ends at " in refused
    assert "not merged" not in refused
    assert "no settled answer" not in refused
    assert "--allow-provisional writes them" in refused
    allowed = export(path, "--allow-provisional", window=window)
    assert re.search(
        rf"Empty cells: vwap in [\d,]+ of [\d,]+ candles \({EXCHANGES[1]} sends no quote volume\); trade_", allowed
    )
    assert read_file(path)[-1][0] >= DAY.end_ms


def test_an_export_of_the_future_is_refused(settings, tmp_path):
    catch_up(settings)
    future = ("--from", "2100-01-01", "--to", "2100-01-02")
    with pytest.raises(ConfigurationError, match="--from is 2100-01-01T00:00Z: there are candles only up to 20"):
        run("export", "BTC/USD", *future, "--to-file", str(tmp_path / "a.csv"))


def export(path, *options: str, window: Window = DAY, status: int = 0) -> str:
    return text("export", "BTC/USD", *period(window), "--to-file", str(path), *options, status=status)


def read_file(path):
    if path.suffix == ".parquet":
        columns = parquet.read_table(path).to_pydict()
        table = zip(*columns.values(), strict=True)
        return [(int(row[0].timestamp() * 1000), *row[1:8]) for row in table]
    with path.open() as file:
        table = list(csv.reader(file))[1:]
    return [(parse_moment_ms(row[0]), *map(float, row[1:6]), int(row[6]), row[7]) for row in table]
