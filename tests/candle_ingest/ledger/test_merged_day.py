from hypothesis import given
from hypothesis import strategies as st

from candle_ingest.candles.window import DAY_MS, MINUTE_MS, Window
from candle_ingest.ledger.day_record import RecordState
from candle_ingest.ledger.merged_day import MergedDay, Waiting, merged_day_fields, merged_day_from_row
from candle_ingest.ledger.minute_state import CoverageCounts

COUNTS = st.lists(st.integers(0, 1440), min_size=9, max_size=9).map(
    lambda numbers: CoverageCounts(**dict(zip(list(CoverageCounts().to_dict())[1:], numbers, strict=True)))
)


@st.composite
def merge_days(draw):
    marks = bytes(draw(st.lists(st.integers(0, 2), min_size=24, max_size=24)))
    waiting = (Waiting(DAY_MS, DAY_MS + MINUTE_MS, 'binance failed: "HTTP 503"', 5),) if draw(st.booleans()) else ()
    return MergedDay(
        currency_pair="BTC/USD",
        day_ms=DAY_MS,
        marks=marks,
        state=draw(st.sampled_from(RecordState)),
        waiting=waiting,
        version=draw(st.integers(0, 2**52)),
        method="minimum 0",
        announced=draw(st.booleans()),
        counts=draw(COUNTS),
        exchanges=draw(st.integers(0, 11)),
        refused=draw(st.sampled_from([(), (("htx", "another asset"), ("okx", "another asset"))])),
        compared=draw(st.sampled_from([(), ("binance", "htx", "okx")])),
        qualities=bytes(draw(st.lists(st.sampled_from([0, 1, 2, 3, 4, 9, 84, 164]), min_size=24, max_size=24))),
    )


@given(merge_days())
def test_a_merged_day_is_read_back_from_its_fields(day):
    fields = merged_day_fields(day) | ({"announced": 1} if day.announced else {})
    row = {name: str(value) for name, value in fields.items()}
    assert merged_day_from_row({**row, "currency_pair": "BTC/USD"}, DAY_MS) == day


@given(merge_days())
def test_the_fields_of_a_merged_day_have_its_counts_by_state(day):
    fields = merged_day_fields(day)
    assert {name: fields[name] for name in ("present", "silent", "not_asked")} == {
        "present": day.counts.present,
        "silent": day.counts.silent,
        "not_asked": day.counts.not_asked,
    }


@given(merge_days())
def test_the_fields_of_a_merged_day_count_its_minutes_by_grade(day):
    fields = merged_day_fields(day)
    graded = sum(fields[name] for name in ("grade_a", "grade_b", "grade_c", "grade_d"))
    assert graded == sum(code > 0 for code in day.qualities)
    assert fields["excluded"] == day.qualities.count(9)


def test_the_end_of_what_is_merged_is_the_first_slot_that_is_not():
    day = MergedDay(currency_pair="BTC/USD", day_ms=0, marks=bytes([1, 2, 0, 2] + [0] * 20))
    hour = 60 * MINUTE_MS
    assert day.merged_windows() == [Window(0, 2 * hour), Window(3 * hour, 4 * hour)]
    assert (day.merged_until_ms(0), day.merged_until_ms(2 * hour)) == (2 * hour, 2 * hour)
