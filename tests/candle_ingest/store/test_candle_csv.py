import math
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from candle_ingest.candles.candles import EXTRA_FIELDS, FIELDS
from candle_ingest.candles.window import MINUTE_MS, format_ms
from candle_ingest.errors import TemporaryError
from candle_ingest.store.bucket import csv_rows
from candle_ingest.store.candle_csv import candles_from_csv, read_series

HEADER = ",result,table,_time,_value,_field"
START_MS = 1_700_000_040_000
VALUES = st.floats(allow_nan=False, allow_infinity=False)
CANDLES = st.dictionaries(st.integers(0, 12), st.lists(VALUES, min_size=5, max_size=5), max_size=12)
EXTRAS = st.dictionaries(st.sampled_from(EXTRA_FIELDS), st.integers(0, 10**9), max_size=3)


def answer(tables, header=HEADER, quote=""):
    """Return what InfluxDB sends: one line per point, field by field; `tables` maps fields to points."""
    lines = [header]
    for table, (field, points) in enumerate(tables.items()):
        for minute, value in points.items():
            time = format_ms(START_MS + minute * MINUTE_MS).replace("Z", ":00Z")
            lines.append(f",_result,{table},{time},{value!r},{quote}{field}{quote}")
    return "\r\n".join([*lines, "", ""])


def by_field(candles, fields=FIELDS):
    return {field: {minute: candles[minute][FIELDS.index(field)] for minute in candles} for field in fields}


def reference(body):
    """Parse with the csv module and dicts, row by row."""
    rows = {}
    for row in csv_rows(body):
        rows.setdefault(row["_time"], {})[row["_field"]] = float(row["_value"])
    return [tuple(rows[time][field] for field in FIELDS) for time in sorted(rows)]


@given(CANDLES, st.permutations(FIELDS), st.sampled_from(["", '"']))
def test_an_answer_is_read_as_the_csv_module_reads_it(candles, fields, quote):
    body = answer(by_field(candles, fields), quote=quote)
    read = candles_from_csv(body)
    assert [row[1:] for row in read.rows()] == reference(body)
    assert read.open_time_ms.tolist() == [START_MS + minute * MINUTE_MS for minute in sorted(candles)]


def test_a_field_in_two_tables_is_read_too():
    one, other = answer(by_field({0: [1.0] * 5, 1: [2.0] * 5})), answer(by_field({2: [3.0] * 5}))
    body = one.strip() + other.removeprefix(HEADER)
    assert [row[1:] for row in candles_from_csv(body).rows()] == reference(body)


def test_a_value_that_is_not_a_number_is_named():
    body = answer(by_field({0: [1.0] * 5})) + answer({"close": {1: "twelve"}})
    with pytest.raises(ValueError, match=r"the field close at .* holds .*twelve.*, which is not a number"):
        candles_from_csv(body)


@pytest.mark.parametrize("body", ["", "\r\n", "\r\n\r\n", HEADER + "\r\n\r\n"])
def test_an_answer_without_rows_gives_no_candles(body):
    assert len(candles_from_csv(body)) == 0


@given(CANDLES.filter(bool), st.sampled_from(FIELDS))
def test_a_candle_without_one_of_its_fields_is_an_error(candles, field):
    tables = by_field(candles)
    del tables[field][min(candles)]
    with pytest.raises(ValueError, match="fields"):
        candles_from_csv(answer(tables))


def test_an_error_in_the_middle_of_an_answer_is_temporary():
    body = answer(by_field({0: [1.0] * 5})) + "error,reference\r\nquery terminated,897\r\n"
    with pytest.raises(TemporaryError, match="query terminated"):
        candles_from_csv(body)


def test_an_error_instead_of_an_answer_is_temporary():
    with pytest.raises(TemporaryError, match="query terminated"):
        candles_from_csv("error,reference\r\nquery terminated,897\r\n")


def answer_by_types(tables):
    """Return what InfluxDB sends for fields of two types: a new header wherever the type changes."""
    body, kind = "", float
    for table, (field, points) in enumerate(sorted(tables.items())):
        own = int if field == "trade_count" else float
        if own is not kind or not body:
            body += "\r\n" * bool(body) + HEADER + "\r\n"
        kind = own
        for minute, value in points.items():
            time = format_ms(START_MS + minute * MINUTE_MS).replace("Z", ":00Z")
            body += f",_result,{table},{time},{own(value)!r},{field}\r\n"
    return body + "\r\n"


@given(st.dictionaries(st.integers(0, 12), EXTRAS, min_size=1, max_size=12))
def test_extras_are_read_where_they_are_stored_and_nan_elsewhere(extras):
    minutes = sorted(extras)
    tables = by_field({minute: [1.0] * 5 for minute in minutes})
    for name in EXTRA_FIELDS:
        if points := {minute: extras[minute][name] for minute in minutes if name in extras[minute]}:
            tables[name] = points
    expected = [[float(extras[minute].get(name, math.nan)) for name in EXTRA_FIELDS] for minute in minutes]
    body = answer_by_types(tables)
    for text in (body, body.replace(",close\r", ',"close"\r')):
        np.testing.assert_array_equal(candles_from_csv(text).extras, expected)


def test_an_extra_without_its_candle_is_an_error():
    with pytest.raises(ValueError, match="some of its fields"):
        candles_from_csv(answer_by_types(by_field({0: [1.0] * 5}) | {"quote_volume": {1: 2.0}}))


def test_an_unknown_field_is_an_error():
    with pytest.raises(ValueError, match="vwap"):
        candles_from_csv(answer(by_field({0: [1.0] * 5}) | {"vwap": {0: 2.0}}))


def answer_of_pairs(points):
    """Return what InfluxDB sends for points (pair, exchange, field, minute, value) in this order."""
    lines = [",result,table,_time,_value,_field,currency_pair,exchange"]
    for pair, exchange, field, minute, value in points:
        time = format_ms(START_MS + minute * MINUTE_MS).replace("Z", ":00Z")
        lines.append(f",_result,0,{time},{value!r},{field},{pair},{exchange}")
    return "\r\n".join([*lines, "", ""])


POINTS = st.dictionaries(
    st.tuples(
        st.sampled_from(["BTC/USD", "ETH/USD"]), st.sampled_from(["kraken", "htx"]), st.sampled_from(FIELDS),
        st.integers(0, 9),
    ),
    VALUES,
)  # fmt: skip


@given(POINTS, st.randoms())
def test_points_of_many_series_are_those_of_each(points, random):
    shuffled = [(*key, value) for key, value in points.items()]
    random.shuffle(shuffled)
    found = read_series(answer_of_pairs(shuffled))
    assert {
        (*series, field, (int(time_ms) - START_MS) // MINUTE_MS): value
        for series, columns in found.items()
        for field, column in columns.items()
        for time_ms, value in zip(*column, strict=True)
    } == points
    assert all((np.diff(times) > 0).all() for columns in found.values() for times, _ in columns.values())


def test_a_value_that_is_not_a_number_fails_the_read_of_many_series():
    points = [("BTC/USD", "htx", "close", 0, 1.0), ("ETH/USD", "htx", "close", 0, "twelve")]
    with pytest.raises(ValueError, match=r"holds .*twelve"):
        read_series(answer_of_pairs(points))


def test_reading_candles_does_not_import_pandas():
    body = answer(by_field({0: [1.0] * 5}))
    code = f"""
import sys
sys.path[:] = {sys.path!r}
from candle_ingest.store.candle_csv import read_columns
assert len(read_columns({body!r})) == {len(FIELDS)}
sys.exit("pandas" in sys.modules)
"""
    subprocess.run([sys.executable, "-c", code], check=True)
