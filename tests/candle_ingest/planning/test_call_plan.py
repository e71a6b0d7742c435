import pytest

from candle_ingest.candles.window import Window
from candle_ingest.exchanges.call_estimate import CallEstimate
from candle_ingest.exchanges.call_pace import CallPace
from candle_ingest.planning.call_plan import ExchangePlan, log_plans, shortened


def test_long_lists_of_names_are_cut():
    assert shortened(["a", "b"], 3) == "a, b"
    assert shortened(["a", "b", "c", "d"], 2) == "a, b and 2 more"


def test_a_plan_is_one_line_for_each_exchange_and_says_what_is_not_served(caplog):
    caplog.set_level("INFO", "candle_ingest")
    plan = ExchangePlan(exchange="gate")
    plan.add("BTC/USD", CallEstimate(candle_calls=7, unavailable=[Window(0, 60_000)]), 10_080)
    plan.seconds = 12.3
    log_plans([plan])
    assert "Plan: gate, 1 symbol: at most 7 calls, 12 s within its limit" in caplog.text
    assert "Plan: gate no longer serves BTC/USD of [1970-01-01T00:00Z, 1970-01-01T00:01Z)" in caplog.text


def test_a_plan_says_which_trades_were_not_counted(caplog):
    caplog.set_level("INFO", "candle_ingest")
    plan = ExchangePlan(exchange="kraken")
    plan.add("BTC/USD", CallEstimate(candle_calls=1, trade_calls=None), 1440)
    log_plans([plan])
    assert "Plan: kraken, 1 symbol: 1 call, and one for every 1000 trades of BTC/USD" in caplog.text


def test_the_pace_of_a_market_limits_only_its_own_calls():
    plan = ExchangePlan(exchange="kraken")
    for pair in ("BTC/USD", "ETH/USD"):
        plan.add(pair, CallEstimate(candle_calls=1, trade_calls=99), 1440)
    pace = CallPace(call_seconds=0.3, market_seconds=1.2)
    assert (plan.calls, pace.seconds(plan.calls_by_symbol)) == (200, pytest.approx(120))
