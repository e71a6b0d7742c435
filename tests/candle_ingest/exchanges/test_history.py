from hypothesis import given
from hypothesis import strategies as st

from candle_ingest.candles.timeframe import CCXT_NAMES, Timeframe
from candle_ingest.candles.window import Window
from candle_ingest.exchanges.history import split_by_age
from candle_ingest.exchanges.profiles import ExchangeProfile

MINUTE, HOUR = 60_000, 3_600_000
SHORT = ExchangeProfile(rows_per_request=720, history_rows=720)


def test_without_a_history_limit_nothing_is_too_old():
    assert split_by_age(ExchangeProfile(rows_per_request=1), Window(0, HOUR), Timeframe(1), Timeframe(1), 10**12) == (
        Window(0, 0),
        Window(0, HOUR),
    )


def test_one_candle_of_margin_is_left_at_the_end_of_the_history():
    now_ms = 1000 * MINUTE + 30_000
    old, recent = split_by_age(SHORT, Window(0, 1000 * MINUTE), Timeframe(1), Timeframe(1), now_ms)
    assert (old, recent) == (Window(0, 281 * MINUTE), Window(281 * MINUTE, 1000 * MINUTE))


@given(st.integers(0, 5000), st.integers(1, 3000), st.sampled_from(list(CCXT_NAMES)[:5]))
def test_the_parts_make_up_the_window_and_the_border_is_on_the_grid(first, length, minutes):
    timeframe = Timeframe(minutes)
    window = Window(first * timeframe.ms, (first + length) * timeframe.ms)
    old, recent = split_by_age(SHORT, window, timeframe, Timeframe(1), 4000 * MINUTE)
    assert (old.start_ms, old.end_ms, recent.end_ms) == (window.start_ms, recent.start_ms, window.end_ms)
    assert old.end_ms % timeframe.ms == 0
