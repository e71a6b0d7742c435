from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from candle_ingest.candles.window import DAY_MS, Window
from candle_ingest.ledger.day_record import ClosingRule, new_day_record
from candle_ingest.ledger.minute_state import MinuteState
from candle_ingest.ledger.record_fields import record_fields, record_from_text, record_text
from candle_ingest.ledger.stretch import Stretch
from candle_ingest.ledger.task_instance_ref import TaskInstanceRef

DAY = 20_000 * DAY_MS
EMPTY = new_day_record("BTC/USD", "kraken", DAY, 60_000)


@given(
    st.binary(min_size=1440, max_size=1440).map(lambda b: bytes(x % 3 for x in b)),
    st.text(max_size=20),
    st.integers(0, 2**50),
    st.sampled_from(list(MinuteState)),
)
def test_a_record_is_read_back_from_its_text(marks, reason, version, state):
    by = TaskInstanceRef(dag_id="candle_repair", run_id=reason, map_index=3)
    stretch = Stretch(start_ms=DAY, end_ms=DAY + 60_000, state=state, reason=reason, tries=2, due_ms=9, recorder=by)
    record = replace(
        EMPTY, marks=marks, stretches=(stretch,), closed=(Window(DAY, DAY + 60_000),), answered_version=version
    )
    record = replace(record, unconfirmed=record.closed, unconfirmed_reason=reason)
    assert record_from_text("BTC/USD", "kraken", DAY, record_text(record), 0) == record


def test_the_fields_for_other_programs_hold_state_counts_and_due_time():
    fields = record_fields(EMPTY, ClosingRule(3_600_000))
    assert {name: fields[name] for name in ("state", "expected", "not_asked", "present", "due_ms")} == {
        "state": "provisional",
        "expected": 1440,
        "not_asked": 1440,
        "present": 0,
        "due_ms": DAY + DAY_MS + 3_600_000,
    }


@pytest.mark.parametrize("text", ["", "{}", "[]", "null", '{"marks": "AA=="}'])
def test_a_text_that_is_no_record_is_an_error(text):
    with pytest.raises(ValueError, match="not the record of a day"):
        record_from_text("BTC/USD", "kraken", DAY, text, 0)
