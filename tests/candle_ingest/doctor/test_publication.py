"""What the looks at a closing candle say of its publication."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from candle_ingest.doctor.finding import Observation, Verdict
from candle_ingest.doctor.publication import delay_seconds, observe_delays

ROW, EARLIER = (1.0, 2.0), (1.0, 1.0)


@pytest.mark.parametrize(
    ("looks", "delay"),
    [
        ([(1, ROW), (20, ROW), (60, ROW)], 1),
        ([(1, None), (20, ROW), (60, ROW)], 20),
        ([(1, EARLIER), (20, EARLIER), (60, ROW)], 60),
        ([(1, ROW), (20, EARLIER), (60, ROW)], 60),
        ([(1, ROW), (20, None), (60, None)], None),
    ],
)
def test_the_delay_ends_with_the_last_change(looks: list, delay: float | None) -> None:
    assert delay_seconds(looks) == delay


@pytest.mark.parametrize(
    ("delays", "seen", "verdict"),
    [
        ([1, 3, 8], "median 3 s, worst 8 s", Verdict.AS_EXPECTED),
        ([1, None, 3], "median 2 s, worst 3 s, 1 of 3 missing", Verdict.AS_EXPECTED),
        ([1, None, None], "median 1 s, worst 1 s, 2 of 3 missing", Verdict.DIFFERS),
        ([1, 60, 1], "median 1 s, worst 60 s", Verdict.DIFFERS),
        ([None, None], "none of 2 candles within 60 s", Verdict.DIFFERS),
    ],
)
def test_late_and_missing_candles_differ(delays: list, seen: str, verdict: Verdict) -> None:
    assert observe_delays(delays).seen == seen
    assert observe_delays(delays).verdict is verdict


@given(st.lists(st.sampled_from([1.0, 3.0, 8.0, 20.0, 45.0]), min_size=1))
def test_delays_below_a_minute_are_as_expected(delays: list[float]) -> None:
    assert observe_delays(delays).holds


def test_a_fact_that_could_not_be_observed_is_neither_right_nor_wrong() -> None:
    assert Observation("nobody traded", None).verdict is Verdict.NOT_SEEN
