from hypothesis import given
from hypothesis import strategies as st

from candle_ingest.planning.repair import fair_order

keys = st.lists(
    st.tuples(st.sampled_from(["A/USD", "B/USD", "C/USD"]), st.sampled_from(["kraken", "binance"]), st.integers(0, 30)),
    unique=True,
    max_size=40,
)


def test_each_exchange_and_pair_gets_its_turn_and_newer_days_come_first():
    due = [("A/USD", "kraken", day) for day in range(100)] + [("B/USD", "binance", 1), ("C/USD", "kraken", 0)]
    first = list(fair_order(due))[:4]
    assert set(first[:3]) == {("A/USD", "kraken", 99), ("B/USD", "binance", 1), ("C/USD", "kraken", 0)}


@given(keys)
def test_the_order_leaves_nothing_out(due):
    found = list(fair_order(due))
    assert sorted(found) == sorted(due)
    for pair, exchange in {key[:2] for key in due}:
        days = [key[2] for key in found if key[:2] == (pair, exchange)]
        assert days == sorted(days, reverse=True)
