import pytest

from candle_ingest.candles.window import DAY_MS, MINUTE_MS, Window
from candle_ingest.ledger.watermarks import watermarks_by_pair
from candle_ingest.planning.catch_up_start import CatchUpStart
from candle_ingest.planning.run import make_run
from candle_ingest.settings import PipelineSettings

NOW = 20_000 * DAY_MS


def start_ms(known, start_date="1_year_ago", first_ms=None):
    settings = PipelineSettings(name="candle", backfill_start_date=start_date, settle_seconds=0)
    run = make_run(settings, "catch_up", {}, Window(NOW - 5 * MINUTE_MS, NOW), None, NOW + 1_000)
    start = CatchUpStart(run, None, first_ms)
    start._known = watermarks_by_pair(known.items())
    return start.of("BTC/USD")


def test_catch_up_continues_after_its_watermark_under_any_spelling():
    known = {"BTC/USD-catch_up": NOW - 90 * DAY_MS, "btcusd-catch_up": NOW - 9 * DAY_MS, "ethusd-catch_up": NOW}
    assert start_ms(known) == NOW - 9 * DAY_MS + MINUTE_MS


def test_without_a_watermark_catch_up_begins_after_a_recent_backfill():
    assert start_ms({"btcusd-backfill": NOW - DAY_MS}) == NOW - DAY_MS + MINUTE_MS


@pytest.mark.parametrize("start_date", ["1_year_ago", "skip"])
def test_catch_up_goes_back_no_further_than_catch_up_initial_days(start_date):
    assert start_ms({"btcusd-backfill": NOW - 2000 * DAY_MS}, start_date) == NOW - 7 * DAY_MS
    assert start_ms({}, start_date) == NOW - 7 * DAY_MS


def test_a_rate_pair_begins_where_its_pairs_do_until_it_has_a_watermark():
    first_ms = {"BTC/USD": NOW - 4 * MINUTE_MS}
    assert start_ms({"btcusd-backfill": NOW - DAY_MS}, first_ms=first_ms) == NOW - 4 * MINUTE_MS
    assert start_ms({"btcusd-catch_up": NOW - DAY_MS}, first_ms=first_ms) == NOW - DAY_MS + MINUTE_MS


def test_keys_of_other_programs_are_ignored():
    assert watermarks_by_pair({"what-ever": 1, "x-catch_up": 2, "btcusd-final": 3}.items()) == {("BTC/USD", "final"): 3}
