import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from influxdb_client import Point

from candle_ingest.candles.candles import Candles
from candle_ingest.store import line_protocol
from candle_ingest.store.line_protocol import candle_lines, escaped_field, escaped_tag

# The client leaves out a tag without a value; characters that mean something are drawn more often.
TEXTS = st.text(st.sampled_from('a,= "\\\n\t\r') | st.characters(codec="utf-8"), min_size=1)
VALUES = st.floats(allow_nan=False, allow_infinity=False)
EXTRAS = st.tuples(*[st.floats(0, 1e300) | st.just(math.nan)] * 2, st.integers(0, 10**12) | st.just(math.nan))


@given(TEXTS)
def test_a_tag_value_is_escaped_as_the_client_library_does(text):
    expected = Point("m").tag("pair", text).field("f", 1).time(1).to_line_protocol()
    assert f"m,pair={escaped_tag(text)} f=1i 1" == expected


@given(TEXTS)
def test_a_string_field_is_escaped_as_the_client_library_does(text):
    expected = Point("m").field("market", text).time(1).to_line_protocol()
    assert f'm market="{escaped_field(text)}" 1' == expected


@given(TEXTS)
def test_a_tag_value_cannot_end_its_line_or_start_another_tag(text):
    unescaped = escaped_tag(text).replace("\\,", "").replace("\\=", "").replace("\\ ", "")
    assert not set(unescaped) & set(",= \n\t\r")


def values_of(line):
    """Return the floats of a line, by their bits."""
    fields = line.split(" ")[1].split(",")[:5]
    return [float(field.split("=")[1]).hex() for field in fields]


@given(st.lists(st.tuples(*[VALUES] * 5), max_size=7), st.integers(1, 3))
def test_a_candle_is_written_so_that_every_float_reads_as_the_same_float(rows, at_a_time):
    candles = Candles.from_rows([(60_000 * index, *row) for index, row in enumerate(rows)])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(line_protocol, "CANDLES_AT_A_TIME", at_a_time)
        lines = list(candle_lines("m,t=x", candles, (f"n={index}i" for index in range(len(rows)))))
    assert [values_of(line) for line in lines] == [[value.hex() for value in row] for row in rows]
    names = [[field.split("=")[0] for field in line.split(" ")[1].split(",")] for line in lines]
    assert names == [["open", "high", "low", "close", "volume", "n"]] * len(rows)
    assert [line.split(" ")[2] for line in lines] == [str(60_000 * index) for index in range(len(rows))]


def test_candles_whose_columns_lie_side_by_side_in_memory_are_written_alike():
    rows = np.arange(1.0, 11.0).reshape(2, 5)
    times = np.array([0, 60_000])
    expected = list(candle_lines("m", Candles(times, rows), ["n=1i", "n=2i"]))
    assert list(candle_lines("m", Candles(times, np.asfortranarray(rows)), ["n=1i", "n=2i"])) == expected
    assert expected[0] == "m open=1.0,high=2.0,low=3.0,close=4.0,volume=5.0,n=1i 0"


@given(st.lists(EXTRAS, min_size=1, max_size=7), st.integers(1, 3))
def test_served_extras_are_written_as_the_client_library_does_and_others_left_out(rows, at_a_time):
    extras = np.array([(quote, count, taker) for quote, taker, count in rows], dtype=np.float64)
    times = np.arange(len(rows)) * 60_000
    candles = Candles(times, np.ones((len(rows), 5)), extras)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(line_protocol, "CANDLES_AT_A_TIME", at_a_time)
        lines = list(candle_lines("m", candles, itertools.repeat("n=1i", len(rows))))
    for line, (quote, taker, count) in zip(lines, rows, strict=True):
        fields = dict(field.split("=") for field in line.split(" ")[1].split(","))
        expected = {"quote_volume": quote, "taker_buy_volume": taker}
        assert {name: float(fields[name]) for name in expected if name in fields} == {
            name: value for name, value in expected.items() if not math.isnan(value)
        }
        assert fields.get("trade_count") == (None if math.isnan(count) else f"{count}i")
        assert list(fields)[:5] == ["open", "high", "low", "close", "volume"]
        assert list(fields)[-1] == "n"
