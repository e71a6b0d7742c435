import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from influxdb_client import Point, WritePrecision

from candle_ingest.candles.quality import Quality
from candle_ingest.store.quality_store import quality_from_rows, quality_lines

TEXTS = st.text(st.sampled_from('a,= "\\%+-:'), max_size=8)
MINUTES = st.lists(st.tuples(st.floats(0, 1e4), TEXTS, TEXTS, TEXTS, st.floats(0.5, 2) | st.just(math.nan)), min_size=1)


def quality_of(minutes):
    dispersion, *texts, rates = zip(*minutes, strict=True)
    times = np.arange(len(minutes)) * 60_000
    return Quality(times, np.array(dispersion), *map(list, texts), rates={"USDT": np.array(rates)})


@given(MINUTES)
def test_a_minute_with_empty_texts_and_missing_rates_is_written_as_the_client_does(minutes):
    lines = list(quality_lines("BTC/USD", quality_of(minutes)))
    for index, (line, (dispersion, excluded, clamped, disputed, rate)) in enumerate(zip(lines, minutes, strict=True)):
        point = Point("candle_quality").tag("currency_pair", "BTC/USD").time(index * 60_000, WritePrecision.MS)
        point.field("excluded", excluded).field("clamped", clamped).field("disputed", disputed)
        expected = point.to_line_protocol().split(" ", 1)[1].rsplit(" ", 1)
        fields = line.split(" ", 1)[1]
        numbers, texts = fields.split(",excluded=", 1)
        values = dict(field.split("=") for field in numbers.split(","))
        assert float(values["dispersion_bps"]) == dispersion
        assert float(values["rate_usdt"]) == (0 if math.isnan(rate) else rate)
        found = dict(zip(("excluded", "clamped", "disputed"), _texts("excluded=" + texts), strict=True))
        wanted = dict(zip(("clamped", "disputed", "excluded"), _texts(" ".join(expected)), strict=True))
        assert found == wanted


def _texts(fields):
    """Return the escaped texts of a line, in order."""
    parts, inside, escaped, current = [], False, False, ""
    for letter in fields:
        if inside and (escaped or letter != '"'):
            current += letter
            escaped = letter == "\\" and not escaped
        elif letter == '"':
            parts += [current] if inside else []
            inside, current = not inside, ""
    return parts


def test_rows_read_as_the_quality_that_was_written():
    rows = [
        {"_time": "1970-01-01T00:00:00Z", "dispersion_bps": "4.5", "excluded": "kraken: close -4.9 %", "clamped": "",
         "disputed": "", "rate_usdt": "0.998", "rate_usdc": "0"},
        {"_time": "1970-01-01T00:01:00Z", "dispersion_bps": "0", "excluded": "", "clamped": "", "disputed": ""},
    ]  # fmt: skip
    found = quality_from_rows(rows)
    assert found.open_time_ms.tolist() == [0, 60_000]
    assert found.excluded == ["kraken: close -4.9 %", ""]
    np.testing.assert_array_equal(found.rates["USDT"], [0.998, math.nan])
    np.testing.assert_array_equal(found.rates["USDC"], [math.nan, math.nan])


def test_no_rows_are_an_empty_quality():
    assert len(quality_from_rows([])) == 0
