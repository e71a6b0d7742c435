import pytest
from hypothesis import given
from hypothesis import strategies as st

from candle_ingest.exchanges.answer_headers import answer_date_ms

NOON_MS = 1_795_348_800_000


@pytest.mark.parametrize(
    "headers",
    [
        {"Date": "Sun, 22 Nov 2026 12:00:00 GMT"},
        {"date": "Sun, 22 Nov 2026 12:00:00 GMT", "Age": "soon"},
        {"Date": "Sun, 22 Nov 2026 12:00:15 GMT", "Age": "15"},
        {"date": "Sun, 22 Nov 2026 12:05:00 GMT", "AGE": " 300 "},
        {"DATE": "Sun, 22 Nov 2026 12:00:00 -0000"},
        {"Date": "Sun, 22 Nov 2026 13:00:00 +0100"},
    ],
)
def test_an_answer_was_made_at_its_date_less_its_age_in_caches(headers):
    assert answer_date_ms(headers) == NOON_MS


@pytest.mark.parametrize("headers", [None, {}, {"Date": ""}, {"Date": "yesterday"}, {"Date": "9" * 400}])
def test_without_a_usable_date_there_is_none(headers):
    assert answer_date_ms(headers) is None


@given(st.text(max_size=60) | st.from_regex(r"\A[A-Z][a-z]{2}, \d{1,5} [A-Z][a-z]{2} \d{1,5} \d\d:\d\d:\d\d.{0,6}\Z"))
def test_any_text_is_harmless(text):
    assert answer_date_ms({"Date": text}) is None or isinstance(answer_date_ms({"Date": text}), int)
