import pytest

from candle_ingest.reports.exchange_health import health_state


@pytest.mark.parametrize(
    ("symbols", "failing", "state"), [(0, 0, "no data"), (5, 0, "up"), (5, 1, "partly failing"), (5, 5, "failing")]
)
def test_the_last_fetch_of_each_symbol_counts(symbols, failing, state):
    assert health_state(symbols, failing) == state
