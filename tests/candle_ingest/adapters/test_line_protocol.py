from hypothesis import given
from hypothesis import strategies as st
from influxdb_client import Point

from candle_ingest.adapters.line_protocol import escaped_field, escaped_tag

# The client leaves out a tag without a value; characters that mean something are drawn more often.
TEXTS = st.text(st.sampled_from('a,= "\\\n\t\r') | st.characters(codec="utf-8"), min_size=1)


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
