"""The reference merge of the simulator, checked with the cases from which the rules were derived."""

from typing import Any

import pytest

from dev.exchange_simulator.candle_columns import MINUTE_MS
from dev.exchange_simulator.coins import utc_ms
from dev.exchange_simulator.market_events import MarketEvent
from dev.exchange_simulator.merged_truth import Leg, MergeRules, average, guard, merged_truth
from dev.exchange_simulator.synthetic_market import true_candles

START_MS = utc_ms("2024-03-05") + 6 * 3_600_000
END_MS = START_MS + 40 * MINUTE_MS
DOLLARS = {"kraken": "BTC/USD", "coinbaseexchange": "BTC/USD", "bitstamp": "BTC/USD"}
FOUR = {**DOLLARS, "binance": "BTC/USDT"}


def event(kind: str, **details: Any) -> MarketEvent:
    return MarketEvent(kind=kind, start_ms=START_MS, end_ms=END_MS, **details)


def leg(low: float, high: float, close: float | None = None, volume: float = 1.0, opened: float | None = None) -> Leg:
    middle = (low + high) / 2
    return Leg(opened or close or middle, high, low, close or middle, volume)


def test_closes_are_weighted_by_volume() -> None:
    legs = {
        "a": leg(50000, 50200, 50100, 120.5),
        "b": leg(50000, 50200, 50050, 95.2),
        "c": leg(50000, 50200, 50075, 67.8),
    }
    merged = average(legs, extremes=False)
    assert merged.close == pytest.approx(50077.23, abs=0.005)
    assert merged.volume == pytest.approx(283.5)


def test_a_wick_both_ways_is_clamped() -> None:
    legs = {
        "binance": leg(10153, 10260),
        "kraken": leg(8000, 12000, close=10200),
        "bitstamp": leg(10154, 10276),
    }
    left, excluded, clamped, disputed = guard(legs, 5)
    assert (excluded, clamped, disputed) == ((), ("kraken",), False)
    assert left["kraken"].high == pytest.approx(10276 * 1.05)
    assert left["kraken"].low == pytest.approx(10153 / 1.05)


def test_a_close_far_from_the_others_is_excluded() -> None:
    legs = {
        "binance": Leg(38_900, 39_000, 38_800, 38_948, 1),
        "kraken": Leg(38_900, 38_950, 36_900, 37_033, 1),
        "bitstamp": Leg(38_905, 39_000, 38_800, 38_938, 1),
    }
    assert guard(legs, 5)[1] == ("kraken",)
    assert guard(legs, 5.2)[1] == ()


def test_when_all_fall_nothing_is_changed() -> None:
    legs = {name: Leg(47_000, 47_100, low, 46_900, 1) for name, low in (("a", 42_000), ("b", 40_150), ("c", 41_968))}
    assert guard(legs, 5) == (legs, (), (), False)


def test_two_that_disagree_are_disputed_and_unchanged() -> None:
    legs = {"a": leg(190, 193, 191.99), "b": leg(160, 193, 164.17, opened=192)}
    assert guard(legs, 5) == (legs, (), (), True)


def test_flat_candles_neither_vote_nor_are_judged() -> None:
    legs = {"a": leg(100, 101), "b": leg(100, 101), "c": leg(100, 101), "d": leg(50, 50, volume=0)}
    assert guard(legs, 5) == (legs, (), (), False)


def test_dollar_markets_need_no_rate() -> None:
    merged = merged_truth("BTC/USD", DOLLARS, START_MS, END_MS)
    assert len(merged) == 40
    assert all(minute.rates == {} and minute.without_rate == () for minute in merged.values())


def test_at_observed_rates_a_depegged_leg_agrees_with_the_dollar_markets() -> None:
    depeg = event("depeg", currency="USDT", price_factor=0.95)
    # A rate uses the last five minutes: from here on, all of its closes lie within the depeg.
    later = START_MS + 5 * MINUTE_MS
    observed = merged_truth("BTC/USD", FOUR, later, END_MS, [depeg])
    par = merged_truth("BTC/USD", FOUR, later, END_MS, [depeg], MergeRules(par=True, guard_percent=0))
    assert all(minute.rates["USDT"] == pytest.approx(0.95, abs=0.001) for minute in observed.values())
    assert max(minute.dispersion_bps for minute in observed.values()) < 30
    assert min(minute.dispersion_bps for minute in par.values()) > 400


def test_a_currency_that_is_no_longer_a_dollar_is_left_out() -> None:
    depeg = event("depeg", currency="USDT", price_factor=0.8)
    merged = merged_truth("BTC/USD", FOUR, START_MS + 5 * MINUTE_MS, END_MS, [depeg])
    assert all(minute.without_rate == ("binance",) for minute in merged.values())


def test_without_traded_closes_there_is_no_rate_and_never_par() -> None:
    quiet = [event("quiet", market="USDT/USD")]
    merged = merged_truth("BTC/USD", FOUR, START_MS + 5 * MINUTE_MS, END_MS, quiet)
    assert all("binance" not in minute.exchanges for minute in merged.values())


def test_usdc_is_converted_through_usdt_without_trades_against_dollars() -> None:
    markets = {"kraken": "BTC/USD", "binance": "BTC/USDC"}
    quiet = [event("quiet", market="USDC/USD"), event("depeg", currency="USDC", price_factor=0.97)]
    merged = merged_truth("BTC/USD", markets, START_MS + 5 * MINUTE_MS, END_MS, quiet)
    assert all(minute.rates["USDC"] == pytest.approx(0.97, abs=0.001) for minute in merged.values())


def test_a_flash_crash_of_one_exchange_moves_the_merged_low_by_the_guard_at_most() -> None:
    crash = event("flash_crash", exchange="bitstamp", market="BTC/USD", price_factor=0.125, volume_factor=500)
    calm = merged_truth("BTC/USD", DOLLARS, START_MS, END_MS)
    tamed = merged_truth("BTC/USD", DOLLARS, START_MS, END_MS, [crash])
    wild = merged_truth("BTC/USD", DOLLARS, START_MS, END_MS, [crash], MergeRules(guard_percent=0))
    # With a quiet exchange there are two votes, and no majority.
    clamped = [at for at, minute in tamed.items() if minute.clamped == ("bitstamp",)]
    assert len(clamped) > 25
    for at in clamped:
        assert tamed[at].candle.low > 0.95 * calm[at].candle.low
        assert wild[at].candle.low < 0.7 * calm[at].candle.low


@pytest.mark.parametrize("factor", [111.2, 1000, 0.001])
def test_a_foreign_coin_or_another_unit_is_refused(factor: float) -> None:
    scaled = event("scaled", exchange="bitstamp", market="BTC/USD", price_factor=factor)
    merged = merged_truth("BTC/USD", DOLLARS, START_MS, END_MS, [scaled])
    assert all("bitstamp" not in minute.exchanges for minute in merged.values())


def test_a_minute_that_stays_wrong_on_one_exchange_is_not_merged() -> None:
    wrong = MarketEvent(
        kind="wrong_row", exchange="kraken", row="null", start_ms=START_MS, end_ms=START_MS + 2 * MINUTE_MS
    )
    assert sorted(merged_truth("BTC/USD", DOLLARS, START_MS, END_MS, [wrong]))[0] == START_MS + 2 * MINUTE_MS


def test_columns_are_merged_only_where_every_exchange_has_them() -> None:
    both = merged_truth("BTC/USD", {"kraken": "BTC/USD", "binanceus": "BTC/USD"}, START_MS, END_MS)
    assert all(minute.candle.quote_volume and minute.candle.trade_count for minute in both.values())
    for minute in merged_truth("BTC/USD", DOLLARS, START_MS, END_MS).values():
        assert minute.candle.trade_count is None or minute.exchanges == ("kraken",)


def test_candles_off_the_grid_and_passing_events_end_as_the_truth() -> None:
    plain = true_candles("binance", "BTC/USDT", START_MS, END_MS)
    passing = [
        event("off_grid", exchange="binance", shift_ms=14_789),
        event("revised", exchange="binance", delay_seconds=1800),
        event("hidden", exchange="binance", until_ms=END_MS + 7_200_000),
    ]
    assert true_candles("binance", "BTC/USDT", START_MS, END_MS, events=passing) == plain
