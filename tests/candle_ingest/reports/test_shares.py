from hypothesis import given
from hypothesis import strategies as st

from candle_ingest.reports.shares import whole_percents

VOLUMES = st.lists(st.floats(1e-9, 1e9), min_size=1, max_size=9)


@given(VOLUMES)
def test_shares_add_up_to_a_hundred_per_cent(volumes):
    shares = [volume / sum(volumes) for volume in volumes]
    found = whole_percents(shares)
    assert round(sum(found), 9) == 100
    assert all(abs(percent - 100 * share) < 0.0101 for percent, share in zip(found, shares, strict=True))


def test_the_largest_remainders_get_what_rounding_leaves():
    assert whole_percents([0.42504, 0.33580, 0.23916]) == [42.5, 33.58, 23.92]
    assert whole_percents([]) == []
