from dataclasses import replace
from datetime import UTC, datetime

import pytest

from candle_ingest.candles.timeframe import Timeframe
from candle_ingest.candles.window import MINUTE_MS, Window, format_ms
from candle_ingest.errors import ConfigurationError
from candle_ingest.planning.run import make_run
from candle_ingest.settings import PipelineSettings


def ms(text):
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


DAY = Window(ms("2026-11-20"), ms("2026-11-21"))
NOW_MS = ms("2026-11-22T12:00:30")


def run(kind="backfill", interval=DAY, now_ms=NOW_MS, params=None, **settings):
    return make_run(PipelineSettings(name="candle", **settings), kind, params or {}, interval, None, now_ms)


def shown(window):
    return format_ms(window.start_ms), format_ms(window.end_ms)


def test_a_backfill_takes_its_data_interval():
    assert run().backfill_window() == DAY


@pytest.mark.parametrize("interval", [DAY, None])
def test_start_and_end_params_take_precedence_over_the_interval(interval):
    window = run(interval=interval, params={"start": "2026-01-01", "end": "2026-01-02T06:00Z"}).backfill_window()
    assert shown(window) == ("2026-01-01T00:00Z", "2026-01-02T06:00Z")


@pytest.mark.parametrize("interval", [None, Window(DAY.start_ms, DAY.start_ms)])
@pytest.mark.parametrize("params", [{}, {"start": "2026-01-01"}, {"end": "2026-01-01"}, {"start": None, "end": ""}])
def test_a_manual_backfill_without_start_or_end_says_what_it_needs(interval, params):
    with pytest.raises(ConfigurationError, match=r'needs the params start and end, such as \{"start": "2026-01-01'):
        run(interval=interval, params=params).backfill_window()


@pytest.mark.parametrize(
    ("now", "minutes", "closed"),
    [
        ("2026-11-22T12:00:10", 1, "2026-11-22T12:00Z"),
        ("2026-11-22T12:00:09", 1, "2026-11-22T11:59Z"),
        ("2026-11-22T12:59:59", 60, "2026-11-22T12:00Z"),
        ("2026-11-22T12:00:09", 60, "2026-11-22T11:00Z"),
    ],
)
def test_a_candle_is_closed_once_the_clock_is_past_its_end_and_it_has_settled(now, minutes, closed):
    assert format_ms(run(now_ms=ms(now), candle_granularity_minutes=minutes).closed_ms) == closed


def test_a_window_ends_before_the_candle_that_is_still_open():
    window = run(params={"start": "2026-11-22T11:00", "end": "2026-11-23"}).backfill_window()
    assert shown(window) == ("2026-11-22T11:00Z", "2026-11-22T12:00Z")


def test_a_window_lies_on_the_grid_of_its_candles():
    window = run(params={"start": "2026-01-01T10:59", "end": "2026-01-01T13:01"}, candle_granularity_minutes=60)
    assert shown(window.backfill_window()) == ("2026-01-01T10:00Z", "2026-01-01T13:00Z")


@pytest.mark.parametrize(
    ("params", "message"),
    [
        (
            {"start": "2026-01-02", "end": "2026-01-01"},
            "the end, 2026-01-01T00:00Z, is not after the start, 2026-01-02",
        ),
        ({"start": "2026-01-01", "end": "2026-01-01"}, "is not after the start"),
        ({"start": "2026-12-01", "end": "2026-12-02"}, "2026-12-01T00:00Z, is not in the past"),
    ],
)
def test_an_impossible_window_is_refused(params, message):
    with pytest.raises(ConfigurationError, match=message):
        run(params=params).backfill_window()


@pytest.mark.parametrize(
    ("interval", "params", "end"),
    [
        (DAY, {}, "2026-11-21T00:00Z"),
        (DAY, {"end": "2026-11-20T12:00:40"}, "2026-11-20T12:00Z"),
        (None, {}, "2026-11-22T12:00Z"),
    ],
)
def test_a_catch_up_goes_to_its_end_param_else_the_end_of_its_interval_else_now(interval, params, end):
    assert format_ms(run("catch_up", interval, params=params).wanted_end_ms) == end


def test_params_override_the_settings_for_one_run():
    found = run(params={"symbols": ["btcusd"], "refetch": True, "run_mode": "dry", "exchanges": ["kraken"]})
    assert (found.symbols, found.refetch, found.dry, found.settings.exchanges) == (("btcusd",), True, True, ("kraken",))


def test_a_run_without_params_uses_the_settings_of_its_pipeline():
    found = run()
    assert (found.symbols, found.refetch, found.dry, found.timeframe) == ((), False, False, Timeframe(1))


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"start": "yesterday"}, "param start is 'yesterday'; expected a moment such as 2026-01-01T00:00Z"),
        ({"end": "2026-13-01"}, "param end is '2026-13-01'"),
        ({"symbol": ["btcusd"]}, "unknown param symbol; allowed are symbols"),
        ({"run_mode": "damp"}, "run_mode is 'damp'"),
        ({"exchanges": ["kraken"], "min_exchanges_required": 2}, "only 1 exchange is configured"),
    ],
)
def test_a_wrong_param_is_a_configuration_error_that_names_it(params, message):
    with pytest.raises(ConfigurationError, match=message):
        run(params=params)


def test_only_a_repair_accepts_retry_unobtainable():
    values = {"interval": None, "origin_ms": None, "now_ms": 0}
    settings = PipelineSettings(name="candle")
    assert make_run(settings, "repair", {"retry_unobtainable": True}, **values).retry_unobtainable
    assert not make_run(settings, "repair", {"retry_unobtainable": None}, **values).retry_unobtainable
    with pytest.raises(ConfigurationError, match="unknown param retry_unobtainable"):
        make_run(settings, "backfill", {"retry_unobtainable": True}, **values)


def test_a_manual_run_ends_where_its_plan_ends_even_if_more_candles_closed():
    planned = run("catch_up", interval=None, params={"start": "2026-11-22T10:00Z"}, settle_seconds=0)
    later = replace(planned, now_ms=NOW_MS + 10 * MINUTE_MS, planned_end_ms=planned.fetch_end_ms)
    assert later.fixed_window() == planned.fixed_window()


@pytest.mark.parametrize(
    ("params", "exchanges", "method"),
    [
        ({}, False, False),
        ({"exchanges": ["kraken", "binance"]}, False, False),
        ({"exchanges": ["binance"]}, True, True),
        ({"min_exchanges_required": 1}, False, True),
    ],
)
def test_a_run_knows_whether_its_params_merge_otherwise_than_the_pipeline(params, exchanges, method):
    found = run(params=params, exchanges=("binance", "kraken"))
    assert (found.has_own_exchanges, found.has_own_method) == (exchanges, method)
