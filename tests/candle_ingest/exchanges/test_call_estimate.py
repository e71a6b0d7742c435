from candle_ingest.candles.timeframe import Timeframe
from candle_ingest.candles.window import DAY_MS, Window
from candle_ingest.exchanges.call_estimate import candle_calls, estimate_calls
from candle_ingest.exchanges.profiles import ExchangeProfile, exchange_profile

MINUTE = Timeframe(1)
NOW_MS = 100 * DAY_MS
DAYS = [Window(day * DAY_MS, (day + 1) * DAY_MS) for day in range(10, 13)]


def test_each_window_is_rounded_up_to_whole_calls():
    assert candle_calls(exchange_profile("binance"), DAYS[0], MINUTE) == 2
    estimate = estimate_calls(exchange_profile("binance"), DAYS, MINUTE, MINUTE, NOW_MS)
    assert (estimate.candle_calls, estimate.trade_calls, estimate.unavailable) == (6, 0, [])


def test_windows_older_than_the_history_are_unavailable():
    facts = ExchangeProfile(rows_per_request=1000, history_rows=10_000)
    estimate = estimate_calls(facts, DAYS, MINUTE, MINUTE, NOW_MS)
    assert (estimate.candle_calls, estimate.unavailable) == (0, [Window(10 * DAY_MS, 13 * DAY_MS)])


def test_candles_from_trades_cost_a_call_for_each_thousand_of_them():
    counts = {10 * DAY_MS: 5_000, 11 * DAY_MS: 0}
    estimate = estimate_calls(exchange_profile("kraken"), DAYS[:2], MINUTE, MINUTE, NOW_MS, counts)
    assert (estimate.candle_calls, estimate.trade_calls) == (0, 6 + 1)


def test_days_without_a_count_are_taken_as_average():
    counts = {10 * DAY_MS: 5_000, 11 * DAY_MS: 3_000}
    assert estimate_calls(exchange_profile("kraken"), DAYS[2:], MINUTE, MINUTE, NOW_MS, counts).trade_calls == 5


def test_without_counts_the_calls_for_trades_are_not_known():
    assert estimate_calls(exchange_profile("kraken"), DAYS, MINUTE, MINUTE, NOW_MS).trade_calls is None


def test_the_last_hours_of_kraken_need_no_trades():
    recent = [Window(NOW_MS - 60 * MINUTE.ms, NOW_MS)]
    estimate = estimate_calls(exchange_profile("kraken"), recent, MINUTE, MINUTE, NOW_MS)
    assert (estimate.candle_calls, estimate.trade_calls) == (1, 0)
