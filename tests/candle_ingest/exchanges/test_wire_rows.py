"""Columns that are read at once, against the same columns read value by value."""

import math

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from candle_ingest.exchanges.answers import ParsedRows
from candle_ingest.exchanges.profiles import PROFILES, WireColumns
from candle_ingest.exchanges.wire_rows import read_extras, read_rows

COLUMNS = {name: profile.wire_columns for name, profile in PROFILES.items() if profile.wire_columns}
WIDTH = 12
NUMBERS = st.integers() | st.floats() | st.just(10**400) | st.integers(2**53 - 1, 2**53 + 3)
NUMBER_TEXTS = NUMBERS.map(str) | st.decimals(allow_nan=False, allow_infinity=False).map(str)
# What `float` reads and JSON does not hold, or the reverse, and what changes the numbers beside it if they are joined.
ODD_TEXTS = st.sampled_from(
    ["nan", "-inf", "1_000", "٣", ".5", "+1", "01", " 1.5 ", "-0", "1e400", "1e-400", "0x10"]
) | st.sampled_from(
    ["true", "null", "", " ", "1,5", ",", '"1', '2"', '"', "[1", "2]", "[]", "{}", "1 2", "\ud800", "\0", "//"]
)
VALUES = NUMBERS | NUMBER_TEXTS | ODD_TEXTS | st.sampled_from([None, True, False, [], {}, [1]])
SENT_ROWS = st.lists(st.lists(VALUES, min_size=WIDTH, max_size=WIDTH) | st.lists(VALUES, max_size=WIDTH), max_size=6)
VOLUMES = st.none() | st.floats() | st.floats(0, 1e300)


def plain_number(sent, column):
    try:
        return math.nan if column is None else float(sent[column])
    except (TypeError, ValueError, KeyError, IndexError, OverflowError):
        return math.nan


def plain_extras(row, sent, columns):
    """Return the three values of one row, as floats."""
    quote_volume = plain_number(sent, columns.quote_volume)
    if columns.vwap is not None:
        quote_volume = plain_number(sent, columns.vwap) * plain_number(row, 5)
    return quote_volume, plain_number(sent, columns.trade_count), plain_number(sent, columns.taker_buy_volume)


def by_key(sent):
    """Return a row with the keys of htx instead of places."""
    return dict(zip(("vol", "count", "other"), sent, strict=False))


@pytest.mark.parametrize("name", COLUMNS)
@given(sent_rows=SENT_ROWS, volumes=st.lists(VOLUMES, min_size=6, max_size=6))
def test_columns_read_at_once_hold_what_value_by_value_gives(name, sent_rows, volumes):
    sent = [by_key(row) for row in sent_rows] if name == "htx" else sent_rows
    rows = [[60_000, 1.0, 1.0, 1.0, 1.0, volume] for volume in volumes[: len(sent)]]
    found = read_extras(ParsedRows(rows, sent), COLUMNS[name])
    expected = [plain_extras(row, one, COLUMNS[name]) for row, one in zip(rows, sent, strict=True)]
    assert found.shape == (len(sent), 3)
    np.testing.assert_array_equal(found, np.reshape(expected, (-1, 3)))


@given(st.lists(NUMBER_TEXTS, max_size=6) | st.lists(NUMBER_TEXTS | ODD_TEXTS, max_size=6))
@example(["1,5", '"1', '2"'])
@example(["1,5", "[1", "2]"])
@example(["1.5", "true"])
@example([""])
def test_texts_read_at_once_are_the_numbers_that_float_reads(texts):
    columns = WireColumns(quote_volume=0)
    found = read_extras(ParsedRows([[0] * 6 for _ in texts], [[text] for text in texts]), columns)
    np.testing.assert_array_equal(found[:, 0], [plain_number([text], 0) for text in texts])


def test_one_value_that_is_no_number_leaves_those_of_the_other_rows():
    sent = [[None] * 7 + ["5.5", 3, "1.5"], [None] * 7 + [None, "x", 10**400], [None] * 7]
    rows = [[minute * 60_000, 1.0, 1.0, 1.0, 1.0, 1.0] for minute in range(3)]
    extras = read_rows(ParsedRows(rows, sent), PROFILES["binance"], None).extras
    assert extras[0].tolist() == [5.5, 3.0, 1.5]
    assert all(map(math.isnan, extras[1:].ravel().tolist()))


def test_a_whole_number_beyond_the_precision_of_floats_is_rounded_as_by_float():
    columns = WireColumns(trade_count=0)
    counts = [2**53 + 1, 2**53 + 3, 10**22 + 1, str(2**53 + 1)]
    extras = read_extras(ParsedRows([[0] * 6] * 4, [[count] for count in counts]), columns)
    assert extras[:, 1].tolist() == [float(count) for count in counts]


def test_an_answer_without_rows_has_no_extra_values():
    for name in PROFILES:
        assert read_rows(ParsedRows([], []), PROFILES[name], None).extras.shape == (0, 3)
