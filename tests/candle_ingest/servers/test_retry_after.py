from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from candle_ingest.servers.retry_after import retry_after_seconds

NOW = datetime(2026, 11, 22, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "7"}, 7.0),
        ({"retry-after": " 0 "}, 0.0),
        ({"RETRY-AFTER": "120", "Date": "x"}, 120.0),
        ({"Retry-After": "Sun, 22 Nov 2026 12:00:30 GMT"}, 30.0),
        ({"Retry-After": "Sun, 22 Nov 2026 11:00:00 GMT"}, 0.0),
    ],
)
def test_a_number_of_seconds_or_a_date_is_understood(headers, seconds):
    assert retry_after_seconds(headers, NOW) == seconds


@pytest.mark.parametrize(
    "headers",
    [
        None,
        {},
        {"Date": "Sun, 22 Nov 2026 12:00:30 GMT"},
        {"Retry-After": ""},
        {"Retry-After": "soon"},
        {"Retry-After": "-5"},
        {"Retry-After": "²"},
        {"Retry-After": "Sun, 22 Nov 2026 12:00:30 -0000"},
        {"Retry-After": "Sun, 22 Nov 99999999999999999999 12:00:30 GMT"},
    ],
)
def test_without_a_usable_value_there_is_none(headers):
    assert retry_after_seconds(headers, NOW) is None


@given(st.text() | st.from_regex(r"\A[A-Z][a-z]{2}, \d{1,3} Nov \d{1,20} \d{1,3}:\d\d:\d\d( [+-]?\d{1,9}| GMT)?\Z"))
def test_no_header_of_a_strange_server_raises_or_makes_a_wait_negative(text):
    seconds = retry_after_seconds({"Retry-After": text}, NOW)
    assert seconds is None or seconds >= 0
