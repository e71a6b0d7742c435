from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from candle_ingest.candles.symbol import parse_symbol
from candle_ingest.candles.window import DAY_MS, MINUTE_MS, Window
from candle_ingest.errors import ConfigurationError
from candle_ingest.planning.run import make_run
from candle_ingest.planning.windows import SymbolWindow, plan_windows
from candle_ingest.settings import PipelineSettings

NOON_MS = int(datetime(2026, 11, 22, 12, tzinfo=UTC).timestamp() * 1000)
FIVE_MINUTES = Window(NOON_MS - 5 * MINUTE_MS, NOON_MS)
INITIAL_MS = NOON_MS - 7 * DAY_MS
HOUR_AGO_MS = NOON_MS - 60 * MINUTE_MS
BTC, ETH = parse_symbol("btcusd"), parse_symbol("eth-usd")


class KnownWatermarks:
    """Watermarks that stand in a dictionary."""

    def __init__(self, **by_key):
        self._by_key = {key.replace("__", "-"): value for key, value in by_key.items()}

    def read(self, keys):
        return {key: self._by_key[key] for key in keys if key in self._by_key}


def run(kind="catch_up", interval=FIVE_MINUTES, params=None, now_ms=NOON_MS + 30_000, **settings):
    return make_run(PipelineSettings(name="candle", **settings), kind, params or {}, interval, None, now_ms)


def planned(watermarks=None, **run_options):
    return plan_windows(run(**run_options), [BTC], watermarks)["btcusd"]


def since(start_ms, reread_before_ms=None, end_ms=NOON_MS):
    return SymbolWindow(Window(start_ms, end_ms), start_ms if reread_before_ms is None else reread_before_ms)


def test_a_backfill_takes_its_interval_for_every_symbol_whatever_the_watermarks():
    found = plan_windows(run("backfill"), [BTC, ETH], KnownWatermarks(btcusd__backfill=NOON_MS))
    assert found == {"btcusd": since(FIVE_MINUTES.start_ms), "eth-usd": since(FIVE_MINUTES.start_ms)}


def test_a_catch_up_starts_after_its_own_watermark_and_asks_for_the_last_few_candles_again():
    found = planned(KnownWatermarks(btcusd__catch_up=HOUR_AGO_MS, btcusd__backfill=NOON_MS - MINUTE_MS))
    assert found == since(HOUR_AGO_MS - 4 * MINUTE_MS, HOUR_AGO_MS + MINUTE_MS)
    assert Window(found.window.start_ms, found.reread_before_ms).slots(MINUTE_MS) == 5


def test_a_catch_up_can_be_told_to_ask_for_no_candle_again():
    found = planned(KnownWatermarks(btcusd__catch_up=HOUR_AGO_MS), reread_candles=0)
    assert found == since(HOUR_AGO_MS + MINUTE_MS)


def test_a_catch_up_after_hours_without_a_scheduler_goes_on_where_the_watermark_is():
    hours_ago_ms = NOON_MS - 120 * MINUTE_MS
    assert planned(KnownWatermarks(btcusd__catch_up=hours_ago_ms - MINUTE_MS), reread_candles=0) == since(hours_ago_ms)


def test_without_a_watermark_of_its_own_a_catch_up_starts_from_that_of_backfill():
    found = planned(KnownWatermarks(btcusd__backfill=HOUR_AGO_MS), reread_candles=0)
    assert found == since(HOUR_AGO_MS + MINUTE_MS)


@pytest.mark.parametrize("bucket", [KnownWatermarks(), None])
def test_without_any_watermark_a_catch_up_goes_back_the_initial_days(bucket):
    assert planned(bucket) == since(INITIAL_MS)
    assert planned(bucket, catch_up_initial_days=2) == since(NOON_MS - 2 * DAY_MS)


def test_a_backfill_that_is_still_far_behind_does_not_make_catch_up_fetch_the_history_too():
    assert planned(KnownWatermarks(btcusd__backfill=INITIAL_MS - MINUTE_MS)) == since(INITIAL_MS)
    assert planned(KnownWatermarks(btcusd__backfill=INITIAL_MS), reread_candles=0) == since(INITIAL_MS + MINUTE_MS)


def test_where_history_is_skipped_nobody_else_fills_the_time_since_an_old_backfill():
    old_ms = INITIAL_MS - DAY_MS
    found = planned(KnownWatermarks(btcusd__backfill=old_ms), backfill_start_date="skip", reread_candles=0)
    assert found == since(old_ms + MINUTE_MS)


@pytest.mark.parametrize("ahead", [0, 1, 100])
def test_a_symbol_that_is_complete_has_an_empty_window(ahead):
    found = planned(KnownWatermarks(btcusd__catch_up=NOON_MS + (ahead - 1) * MINUTE_MS))
    assert not found.window


def test_each_symbol_has_the_window_of_its_own_watermark():
    marks = KnownWatermarks(btcusd__catch_up=HOUR_AGO_MS, **{"eth-usd__catch_up": NOON_MS - 2 * MINUTE_MS})
    found = plan_windows(run(reread_candles=0), [BTC, ETH], marks)
    assert [found[ticker].window.slots(MINUTE_MS) for ticker in ("btcusd", "eth-usd")] == [59, 1]


def test_without_an_interval_a_catch_up_goes_up_to_now():
    found = planned(
        KnownWatermarks(btcusd__catch_up=HOUR_AGO_MS), interval=None, now_ms=NOON_MS + 5 * MINUTE_MS + 30_000
    )
    assert found.window.end_ms == NOON_MS + 5 * MINUTE_MS


def test_a_start_param_goes_before_the_watermark():
    found = planned(
        KnownWatermarks(btcusd__catch_up=HOUR_AGO_MS), params={"start": "2026-11-22T09:00", "end": "2026-11-22T10:00"}
    )
    assert found == since(NOON_MS - 180 * MINUTE_MS, end_ms=NOON_MS - 120 * MINUTE_MS)


def test_a_start_after_the_end_is_refused():
    with pytest.raises(ConfigurationError, match="is not after the start"):
        planned(KnownWatermarks(), params={"start": "2026-11-22T12:00"})


@pytest.mark.parametrize(
    "options",
    [
        {"kind": "backfill"},
        {"params": {"start": "2026-11-22T09:00", "refetch": True}},
        {"watermarks": KnownWatermarks(btcusd__catch_up=HOUR_AGO_MS)},
        {"watermarks": None},
    ],
)
def test_a_refetch_asks_for_the_whole_window_again(options):
    found = planned(**{**options, "params": {**options.get("params", {}), "refetch": True}})
    assert found.window
    assert found.reread_before_ms == found.window.end_ms


@given(
    st.integers(-20_000, 20).map(lambda minute: NOON_MS + minute * MINUTE_MS),
    st.integers(-20_000, 20).map(lambda minute: NOON_MS + minute * MINUTE_MS),
    st.booleans(),
    st.integers(0, 10),
    st.integers(0, 700).map(lambda seconds: NOON_MS + seconds * 1000),
)
def test_no_window_leaves_a_hole_after_the_watermark_or_takes_an_open_candle(
    own_ms, of_backfill_ms, has_own, reread, now_ms
):
    marks = KnownWatermarks(btcusd__backfill=of_backfill_ms, **({"btcusd__catch_up": own_ms} if has_own else {}))
    found = planned(marks, interval=Window(NOON_MS, NOON_MS + 5 * MINUTE_MS), now_ms=now_ms, reread_candles=reread)
    assert found.window.end_ms <= now_ms
    if found.window:
        assert found.window.start_ms <= found.reread_before_ms <= found.window.end_ms
        assert {found.window.start_ms % MINUTE_MS, found.window.end_ms % MINUTE_MS} == {0}
        if has_own:
            assert found.reread_before_ms == own_ms + MINUTE_MS
