"""What the notifier is told once: minutes that are given up, and a market that vanished."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress

import pytest
import redis

from candle_ingest.candles.window import DAY_MS, HOUR_MS, MINUTE_MS, Window
from candle_ingest.cli.retry_command import make_due
from candle_ingest.connections import connect_influxdb
from candle_ingest.ledger.minute_state import MinuteState
from candle_ingest.ledger.notices import Notices
from candle_ingest.reports.coverage_days import read_coverage_totals
from candle_ingest.reports.coverage_totals import read_pair_totals
from candle_ingest.reports.expected_coverage import ExpectedCoverage
from candle_ingest.reports.largest_holes import read_largest_holes
from candle_ingest.store.bucket import InfluxBucket
from dev.exchange_simulator.market_events import MarketEvent
from tests.integration.steps import DAY, forget_markets, run_steps, with_settings

pytestmark = pytest.mark.integration
NOW_MS = DAY.end_ms + 2 * HOUR_MS
TWO = ("binance", "coinbaseexchange")
# What still fails after two weeks is given up; test_repair.py has a repair on each of these days.
THREE_WEEKS = (1, 7, 13, 14, 15, 20)


@pytest.fixture
def settings(make_settings):
    return make_settings(TWO, quote_conversion="par")


def backfill(settings, now_ms=NOW_MS):
    return run_steps(settings, "backfill", DAY, now_ms, origin_ms=DAY.start_ms)


def repair_on(settings, exchanges, days: Iterable[int]) -> list[str]:
    """Run a repair on each of these days; return the notices."""
    told = []
    for day in days:
        exchanges.set_clock(NOW_MS + day * DAY_MS)
        told += run_steps(settings, "repair", None, NOW_MS + day * DAY_MS).told
    return told


def test_a_row_that_stays_wrong_is_told_when_given_up_and_again_after_a_retry(settings, exchanges):
    bad_ms = DAY.start_ms + 600 * MINUTE_MS
    exchanges.add_events(
        [
            MarketEvent(
                kind="wrong_row", exchange="binance", start_ms=bad_ms, end_ms=bad_ms + MINUTE_MS, row="high_below_low"
            )
        ]
    )
    assert backfill(settings).told == []
    [sentence] = repair_on(settings, exchanges, THREE_WEEKS)
    assert sentence.startswith("BTC/USD @ binance: 1 minute of [2026-03-10T00:00Z, 2026-03-11T00:00Z) is unobtainable")
    again = backfill(settings, NOW_MS + 21 * DAY_MS)
    assert again.told == []
    # The run fails once more, and says why, but nobody is told again.
    assert "binance unobtainable: given up after 14 days" in str(again.incomplete)
    assert again.incomplete.symbols == ()
    make_due(settings, {"BTC/USD"}, None, NOW_MS + 22 * DAY_MS)
    assert len(repair_on(settings, exchanges, [21 + day for day in THREE_WEEKS])) == 1


def test_a_failure_of_two_weeks_is_told_once_though_each_of_its_fetches_fails(settings, exchanges):
    exchanges.set_fault("coinbaseexchange", "status", status=503, path="candles")
    backfill(settings)
    [sentence] = repair_on(settings, exchanges, THREE_WEEKS)
    assert sentence.startswith("BTC/USD @ coinbaseexchange: 1,440 minutes of [2026-03-10T00:00Z")


def test_a_closing_look_that_is_given_up_is_told_once_reported_and_retried(settings, exchanges):
    live = with_settings(settings, catch_up_initial_days=1)
    exchanges.set_clock(DAY.end_ms)
    run_steps(live, "catch_up", Window(DAY.end_ms - 5 * MINUTE_MS, DAY.end_ms), DAY.end_ms)
    exchanges.set_fault("binance", "status", status=503, path="klines")
    [sentence] = repair_on(settings, exchanges, [0, *THREE_WEEKS])
    assert "1,440 minutes of [2026-03-10T00:00Z, 2026-03-11T00:00Z) were never confirmed after" in sentence
    expected = ExpectedCoverage.of(settings, NOW_MS + 20 * DAY_MS)
    with InfluxBucket(connect_influxdb(), settings.influxdb_bucket) as bucket:
        [total] = read_pair_totals(bucket, DAY, {"BTC/USD"}, expected)
        [hole] = read_largest_holes(bucket, DAY, expected).holes
        rows = read_coverage_totals(bucket, DAY, ["BTC/USD"], expected)
    assert (total.unconfirmed, total.final_days, rows.unobtainable.tolist()) == (1440, 0, [[1440]])
    assert (hole.exchange, hole.state, hole.count) == ("binance", MinuteState.UNOBTAINABLE, 1440)
    exchanges.clear_faults()
    assert make_due(settings, {"BTC/USD"}, None, NOW_MS + 21 * DAY_MS) == 1
    assert repair_on(settings, exchanges, [21]) == []
    with InfluxBucket(connect_influxdb(), settings.influxdb_bucket) as bucket:
        [total] = read_pair_totals(bucket, DAY, {"BTC/USD"}, expected)
    assert (total.unconfirmed, total.final_days) == (0, 1)


@pytest.mark.parametrize("minimum", [0, 1])
def test_a_market_that_vanishes_is_told_once_by_all_runs_until_it_is_back(settings, exchanges, redis_server, minimum):
    settings = with_settings(settings, min_exchanges_required=minimum, catch_up_initial_days=1)
    backfill(settings)
    exchanges.set_fault("coinbaseexchange", "gone", market="BTC/USD")
    forget_markets(redis_server)
    told = []
    for minutes in (5, 10, 15):
        now_ms = NOW_MS + minutes * MINUTE_MS
        exchanges.set_clock(now_ms)
        live = run_steps(settings, "catch_up", Window(now_ms - 5 * MINUTE_MS, now_ms), now_ms)
        told += live.told
        # With a minimum that is met the run is green; else it fails, and names what everybody knows by now.
        assert (live.incomplete is None) == (minimum == 1)
        assert getattr(live.incomplete, "symbols", ()) == ()
    [sentence] = told
    assert sentence.startswith("BTC/USD: coinbaseexchange no longer lists BTC/USD, the market of the candles so far; ")
    assert "BTC/USDT is another market: set quote_equivalents, or use a new bucket" in sentence
    assert repair_on(settings, exchanges, THREE_WEEKS) == []
    exchanges.clear_faults()
    forget_markets(redis_server)
    assert repair_on(settings, exchanges, [21]) == []
    exchanges.set_fault("coinbaseexchange", "gone", market="BTC/USD")
    forget_markets(redis_server)
    assert len(repair_on(settings, exchanges, [22, 23])) == 1


def test_a_symbol_that_no_exchange_lists_is_told_once_until_one_does(settings, exchanges, redis_server):
    settings = with_settings(settings, exchanges=("coinbaseexchange",), quote_equivalents={"USD": ("USD",)})
    redis_server.client().set("top_cryptocurrencies", '["btcusd", "ethusd"]')
    exchanges.set_fault("coinbaseexchange", "gone", market="ETH/USD")
    notices = Notices(redis_server.client(decodes=False), settings.influxdb_bucket)
    [sentence] = [line for minutes in (0, 1) for line in backfill(settings, NOW_MS + minutes * MINUTE_MS).told]
    assert sentence.startswith("ETH/USD is left out: no exchange lists it; check its spelling")
    assert sentence.endswith("in the Redis key 'top_cryptocurrencies'")
    assert notices.unlisted(["BTC/USD", "ETH/USD"]) == {"ETH/USD"}
    for symbols, count in (('["btcusd"]', 0), ('["btcusd", "ethusd"]', 1)):
        redis_server.client().set("top_cryptocurrencies", symbols)
        assert len(backfill(settings, NOW_MS + 2 * MINUTE_MS).told) == count
    exchanges.clear_faults()
    forget_markets(redis_server)
    assert backfill(settings, NOW_MS + 2 * MINUTE_MS).told == []
    assert notices.unlisted(["BTC/USD", "ETH/USD"]) == set()


class DyingClient(redis.Redis):
    """A client whose process ends after so many commands."""

    def __init__(self, server, commands=10**9):
        super().__init__(host=server.host, port=server.port, password=server.password)
        self.commands_left = commands

    def execute_command(self, *args, **options):
        if not self.commands_left:
            raise SystemExit
        self.commands_left -= 1
        return super().execute_command(*args, **options)


def test_a_notice_survives_a_task_that_is_killed_between_any_two_commands(redis_server):
    for commands in range(9):
        redis_server.client().flushdb()
        dying = DyingClient(redis_server, commands)
        told: list[str] = []
        with suppress(SystemExit):
            Notices(dying, "any").queue_once({"vanished|BTC/USD|kraken": "gone"}, ["vanished|ETH/USD|kraken"])
            Notices(dying, "any").send(told.extend)
        redis_server.client().delete("candle_ingest:notices:any:sending")
        notices = Notices(DyingClient(redis_server), "any")
        for _ in range(2):
            notices.queue_once({"vanished|BTC/USD|kraken": "gone"}, [])
            notices.send(told.extend)
        assert set(told) == {"gone"}, commands
        assert len(told) == 1 or dying.commands_left == 0


def test_a_notice_stays_queued_until_told_and_no_other_task_tells_it_meanwhile(redis_server):
    redis_server.client().flushdb()
    one, other = (Notices(DyingClient(redis_server), "any") for _ in range(2))
    one.queue({"a": "first"})
    told: list[str] = []

    def slow_notifier(sentences: list[str]) -> None:
        other.send(told.extend)
        other.queue({"a": "second"})
        told.extend(sentences)

    one.send(slow_notifier)
    other.send(told.extend)
    assert told == ["first", "second"]


def test_what_a_notifier_could_not_take_is_told_by_the_next_run(settings, exchanges, redis_server):
    backfill(settings)
    exchanges.set_fault("coinbaseexchange", "gone", market="BTC/USD")
    forget_markets(redis_server)

    class BrokenList(list):
        def append(self, sentence):
            raise ConnectionError("the mail server is down")

    with pytest.raises(ConnectionError):
        run_steps(settings, "repair", None, NOW_MS + HOUR_MS, told=BrokenList())
    assert len(run_steps(settings, "repair", None, NOW_MS + 2 * HOUR_MS).told) == 1
