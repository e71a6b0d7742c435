import pytest

from candle_ingest.candles.window import DAY_MS, Window
from candle_ingest.store.flux import flux_range, from_midnight, times_ms


def test_a_range_is_in_nanoseconds():
    assert flux_range(Window(1, 2)) == {"start_ns": 1_000_000, "stop_ns": 2_000_000}


@pytest.mark.parametrize(
    ("window", "found"),
    [
        (Window(DAY_MS + 1, DAY_MS + 2), Window(DAY_MS, DAY_MS + 2)),
        (Window(DAY_MS - 1, DAY_MS + 2), Window(0, DAY_MS + 2)),
        (Window(DAY_MS, DAY_MS), Window(DAY_MS, DAY_MS + 1)),
    ],
    ids=["within a day", "over midnight", "an empty one at midnight"],
)
def test_a_ledger_is_read_from_midnight_on_and_never_for_no_time_at_all(window, found):
    assert from_midnight(window) == found


def test_times_are_read_with_and_without_fractions_of_a_second():
    texts = ["1970-01-01T00:00:01Z", "1970-01-01T00:00:01.5Z", "1970-01-01T00:00:01.000001440Z"]
    assert times_ms(texts).tolist() == [1000, 1500, 1000]
