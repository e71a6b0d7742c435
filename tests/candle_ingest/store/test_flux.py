from candle_ingest.candles.window import Window
from candle_ingest.store.flux import flux_range, times_ms


def test_a_range_is_in_nanoseconds():
    assert flux_range(Window(1, 2)) == {"start_ns": 1_000_000, "stop_ns": 2_000_000}


def test_times_are_read_with_and_without_fractions_of_a_second():
    texts = ["1970-01-01T00:00:01Z", "1970-01-01T00:00:01.5Z", "1970-01-01T00:00:01.000001440Z"]
    assert times_ms(texts).tolist() == [1000, 1500, 1000]
