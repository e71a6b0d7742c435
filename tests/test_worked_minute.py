"""The minute that docs/explanation/how-a-price-is-made.md works through is what the code computes."""

from pathlib import Path

import numpy as np
import pytest

from candle_ingest.candles.candles import Candles
from candle_ingest.candles.merge import Conversion, merge_minutes
from candle_ingest.candles.merge_method import MergeMethod
from candle_ingest.candles.quality import grades
from candle_ingest.candles.rates import leg_rate
from candle_ingest.candles.window import MINUTE_MS, Window

PAGE = (Path(__file__).parents[1] / "docs" / "explanation" / "how-a-price-is-made.md").read_text(encoding="utf-8")
MINUTE = Window(1_700_000_040_000, 1_700_000_100_000)


def table(heading):
    """Return the first table under a heading, as rows of cells without their markup."""
    lines = PAGE.split(f"## {heading}\n")[1].splitlines()
    first = next(index for index, line in enumerate(lines) if line.startswith("|"))
    rows = []
    for line in lines[first + 2 :]:
        if not line.startswith("|"):
            return rows
        rows.append([cell.strip(" *`") for cell in line.strip("|").split("|")])
    return rows


def numbers(cells):
    return [float(cell) for cell in cells]


RATES = {name: numbers(cells) for name, *cells in table("Step 1: the rate")}
SENT = {name: numbers(cells) for name, _, *cells in table("What the exchanges sent")}


@pytest.fixture(scope="module")
def rate():
    candles = {
        name: Candles.from_rows(
            [(MINUTE.start_ms + (at - 4) * MINUTE_MS, *[c] * 4, 1.0) for at, c in enumerate(own[:5])]
        )
        for name, own in RATES.items()
    }
    return leg_rate("USDT", "USD", {"USDT/USD": candles}, MINUTE)


def merged(rate, method):
    book = {name: Candles.from_rows([(MINUTE.start_ms, *values)]) for name, values in SENT.items()}
    return merge_minutes(book, Conversion("USD", {"binance": "USDT"}, {"USDT": rate}), method)


def test_the_rate_is_the_one_shown(rate):
    for own in RATES.values():
        assert np.median(own[:5]) == own[5]
    assert f"**{rate.values[0]}**" in PAGE


def test_the_converted_candle_is_the_one_shown(rate):
    [[_, *shown]] = table("Step 2: conversion")
    converted = [price * rate.values[0] for price in SENT["binance"][:4]]
    assert numbers(shown) == pytest.approx([*converted, SENT["binance"][4]], abs=1e-9)


def test_the_clamped_low_is_the_one_shown(rate):
    [[_, before, after]] = table("Step 3: the guard")
    assert float(before) == SENT["kraken"][2]
    assert float(after) == pytest.approx(SENT["binance"][2] * rate.values[0] / 1.05, abs=0.01)


def test_the_merged_candle_is_the_one_shown(rate):
    [[_, *shown]] = table("Step 4: the merge")
    candle = merged(rate, MergeMethod())[0].candles.rows()[0][1:]
    assert numbers(shown) == [round(value, 2) for value in candle]
    par = merged(rate, MergeMethod(quote_conversion="par"))[0].candles.rows()[0]
    assert f"{par[4]:,.2f}" in PAGE
    unguarded = merged(rate, MergeMethod(guard_percent=0))[0].candles.rows()[0]
    assert f"{candle[2] - unguarded[3]:.0f} dollars lower" in PAGE


def test_the_quality_is_the_one_shown(rate):
    shown = dict(table("What is stored beside it"))
    candles, quality = merged(rate, MergeMethod())
    assert float(shown["dispersion_bps"]) == pytest.approx(quality.dispersion_bps[0], abs=0.05)
    found = {"clamped": quality.clamped, "excluded": quality.excluded, "disputed": quality.disputed}
    assert {name: [shown[name]] for name in found} == found
    assert float(shown["rate_usdt"]) == quality.rates["USDT"][0]
    assert grades(candles.exchange_count, quality, np.array([True])) == ["A"]
