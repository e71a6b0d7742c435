import pytest
from hypothesis import given
from hypothesis import strategies as st

from candle_ingest.exchanges.call_pace import CallPace

KRAKEN = CallPace(call_seconds=0.3, market_seconds=1.2)


@pytest.mark.parametrize(
    ("calls", "seconds"), [([], 0), ([10], 12), ([10, 10], 12), ([10] * 4, 12), ([10] * 8, 24), ([1] * 100, 30)]
)
def test_markets_wait_for_one_another_only_where_the_address_is_limited(calls, seconds):
    assert KRAKEN.seconds(calls) == pytest.approx(seconds)


@given(st.lists(st.integers(0, 1000)), st.floats(1, 20))
def test_a_slowdown_makes_all_longer_in_proportion(calls, slowdown):
    slow = CallPace(call_seconds=0.3, market_seconds=1.2, slowdown=slowdown)
    assert slow.seconds(calls) == pytest.approx(KRAKEN.seconds(calls) * slowdown)
    assert slow.sequential_seconds == pytest.approx(1.2 * slowdown)
