"""Pages of candles from simulated exchanges over HTTP: exactly the window, in the fewest requests."""

import re
from itertools import pairwise

import pytest

from candle_ingest.candles.timeframe import Timeframe
from candle_ingest.candles.window import MINUTE_MS, Window
from candle_ingest.connections import ExchangeConnection
from candle_ingest.exchanges.candle_pages import candle_pages
from candle_ingest.exchanges.client import ExchangeClient
from candle_ingest.exchanges.profiles import PROFILES, SAME_API, UNKNOWN_PROFILE, exchange_profile
from dev.exchange_simulator.coins import utc_ms
from dev.exchange_simulator.market_events import MarketEvent
from dev.exchange_simulator.markets import DOLLAR_EXCHANGES, find_market
from dev.exchange_simulator.synthetic_market import true_candles

NOW_MS = utc_ms("2026-03-11") + 30_000
# kraken's pages always reach up to now; its own tests are in tests/integration.
WITH_A_START = [name for name in PROFILES if name != "kraken"]


def rows_and_requests(simulator, name, window, base="BTC", minutes=1, now_ms=None, site=None, facts=None):
    """Return what the pages of a window hold, and the number of requests. `site` is served by the simulated `name`."""
    symbol = f"{base}/{'USD' if name in DOLLAR_EXCHANGES else 'USDT'}"
    exchange = ExchangeClient(ExchangeConnection(site or name, simulator.exchange_url(name)), sleep=lambda _: None)
    exchange.profile = facts or exchange.profile
    if now_ms is not None:
        exchange._api.milliseconds = lambda: now_ms
    pages = list(candle_pages(exchange, market(name, symbol), [window], Timeframe(minutes), NOW_MS))
    assert max(page.checked.outside_count for page in pages) <= exchange.profile.spare_rows
    return [row for page in pages for row in page.checked.candles.rows()], exchange.request_count


def market(name, symbol):
    listed = find_market(name, symbol)
    codes = {"base": listed.base, "quote": listed.quote, "baseId": listed.base, "quoteId": listed.quote}
    return {"id": listed.id, "symbol": symbol, **codes}


def truth(name, window, base="BTC", timeframe="1m"):
    symbol = f"{base}/{'USD' if name in DOLLAR_EXCHANGES else 'USDT'}"
    return true_candles(name, symbol, window.start_ms, window.end_ms, timeframe)


@pytest.mark.parametrize("base", ["BTC", "ENJ"])
@pytest.mark.parametrize("name", WITH_A_START)
def test_two_full_pages_and_a_row_are_exactly_the_window_in_three_requests(simulator, name, base):
    rows = 2 * exchange_profile(name).rows_per_request + 1
    end_ms = NOW_MS // MINUTE_MS * MINUTE_MS - 2000 * MINUTE_MS
    window = Window(end_ms - rows * MINUTE_MS, end_ms)
    assert rows_and_requests(simulator, name, window, base) == (truth(name, window, base), 3)


@pytest.mark.parametrize("name", WITH_A_START)
def test_one_candle_is_one_row_of_one_request(simulator, name):
    start_ms = NOW_MS // MINUTE_MS * MINUTE_MS - 3000 * MINUTE_MS
    window = Window(start_ms, start_ms + MINUTE_MS)
    assert rows_and_requests(simulator, name, window) == (truth(name, window), 1)


@pytest.mark.parametrize(("minutes", "timeframe"), [(5, "5m"), (60, "1h"), (1440, "1d")])
@pytest.mark.parametrize("name", [name for name in WITH_A_START if name != "htx"])
def test_larger_candles_are_exactly_the_window_too(simulator, name, minutes, timeframe):
    window = Window(utc_ms("2026-03-01"), utc_ms("2026-03-01") + 7 * minutes * MINUTE_MS)
    found = rows_and_requests(simulator, name, window, minutes=minutes)
    assert found == (truth(name, window, timeframe=timeframe), 1)


@pytest.mark.parametrize("name", WITH_A_START)
def test_the_last_closed_candles_come_without_the_one_in_progress(simulator, name):
    end_ms = NOW_MS // MINUTE_MS * MINUTE_MS
    window = Window(end_ms - 5 * MINUTE_MS, end_ms)
    assert rows_and_requests(simulator, name, window, now_ms=NOW_MS) == (truth(name, window), 1)


@pytest.mark.parametrize("base", ["BTC", "ENJ"])
@pytest.mark.parametrize("name", WITH_A_START)
def test_candles_of_an_unknown_exchange_are_complete_whatever_its_end_is(simulator, name, base, caplog):
    end_ms = NOW_MS // MINUTE_MS * MINUTE_MS - 600 * MINUTE_MS
    window = Window(end_ms - 250 * MINUTE_MS, end_ms)
    found = rows_and_requests(simulator, name, window, base, facts=UNKNOWN_PROFILE)
    assert found == (truth(name, window, base), 3)
    assert caplog.records == []


def test_a_quiet_window_of_an_unknown_exchange_is_quiet_before_a_traded_candle(simulator):
    day = Window(utc_ms("2026-03-08"), utc_ms("2026-03-09"))
    traded = [row[0] for row in truth("coinbase", day, "ENJ")]
    start_ms = next(a + MINUTE_MS for a, b in pairwise(traded) if b == a + 2 * MINUTE_MS)
    window = Window(start_ms, start_ms + MINUTE_MS)
    assert rows_and_requests(simulator, "coinbase", window, "ENJ", facts=UNKNOWN_PROFILE) == ([], 1)


@pytest.mark.parametrize(("site", "name"), SAME_API.items())
def test_a_regional_site_is_requested_the_same_way_as_its_parent(simulator, site, name):
    end_ms = NOW_MS // MINUTE_MS * MINUTE_MS - 2000 * MINUTE_MS
    window = Window(end_ms - 1500 * MINUTE_MS, end_ms)
    requests = -(-1500 // exchange_profile(name).rows_per_request)
    assert rows_and_requests(simulator, name, window, site=site) == (truth(name, window), requests)


def test_a_window_of_okx_over_the_end_of_the_recent_candles_has_no_seam(simulator):
    end_ms = NOW_MS // MINUTE_MS * MINUTE_MS - 900 * MINUTE_MS
    window = Window(end_ms - 900 * MINUTE_MS, end_ms)
    simulator.reset_requests()
    assert rows_and_requests(simulator, "okx", window, now_ms=NOW_MS) == (truth("okx", window), 3)
    counts = simulator.requests()["okx"]
    assert {path: count["accepted"] for path, count in counts.items()} == {
        "/api/v5/market/history-candles": 2,
        "/api/v5/market/candles": 1,
    }


def test_gate_serves_the_oldest_candles_that_are_requested(simulator):
    start_ms = NOW_MS // MINUTE_MS * MINUTE_MS - 9_989 * MINUTE_MS
    window = Window(start_ms, start_ms + 999 * MINUTE_MS)
    assert rows_and_requests(simulator, "gate", window) == (truth("gate", window), 1)


def test_candles_that_gate_no_longer_has_are_not_requested(simulator):
    simulator.reset_requests()
    start_ms = NOW_MS // MINUTE_MS * MINUTE_MS - 10_001 * MINUTE_MS
    exchange = ExchangeClient(ExchangeConnection("gate", simulator.exchange_url("gate")))
    window = Window(start_ms, start_ms + 100 * MINUTE_MS)
    old, recent = candle_pages(exchange, market("gate", "BTC/USDT"), [window], Timeframe(1), NOW_MS)
    assert (old.unobtainable, recent.unobtainable) == (True, False)
    assert old.failed_reason.startswith("gate serves only its last 9990 candles")
    assert recent.checked.candles.rows() == truth("gate", recent.window)
    assert [count["total"] for count in simulator.requests()["gate"].values()] == [1]


def test_an_answer_whose_columns_mean_something_else_gives_no_candle(simulator):
    """If times have milliseconds, ccxt misreads kucoin's columns, and a few rows then look sound by chance."""
    end_ms = NOW_MS // MINUTE_MS * MINUTE_MS - 2000 * MINUTE_MS
    simulator.set_fault("kucoin", "seconds_timestamps", path="candles")
    try:
        exchange = ExchangeClient(ExchangeConnection("kucoin", simulator.exchange_url("kucoin")), sleep=lambda _: None)
        [page] = candle_pages(
            exchange, market("kucoin", "BTC/USDT"), [Window(end_ms - 60 * MINUTE_MS, end_ms)], Timeframe(1), NOW_MS
        )
        assert re.search(r"too many rows that cannot be trusted, \d+ of \d+ .*, so none is used", page.failed_reason)
        assert (len(page.checked.candles), page.unobtainable) == (0, False)
    finally:
        simulator.clear_faults()


def pages_of(simulator, name, window, sleep=lambda _: None):
    exchange = ExchangeClient(ExchangeConnection(name, simulator.exchange_url(name)), sleep=sleep)
    symbol = f"BTC/{'USD' if name in DOLLAR_EXCHANGES else 'USDT'}"
    return list(candle_pages(exchange, market(name, symbol), [window], Timeframe(1), NOW_MS)), exchange.request_count


def before_now(minutes, count):
    end_ms = NOW_MS // MINUTE_MS * MINUTE_MS - minutes * MINUTE_MS
    return Window(end_ms - count * MINUTE_MS, end_ms)


@pytest.fixture
def spoiled(simulator):
    """The simulator, restored after the test."""
    yield simulator
    simulator.clear_faults()
    simulator.clear_events()


def test_an_empty_page_is_requested_once_more_before_it_counts(spoiled):
    window = before_now(2000, 300)
    spoiled.set_fault("coinbaseexchange", "empty", path="candles", count=1)
    [page], requests = pages_of(spoiled, "coinbaseexchange", window)
    assert (page.checked.candles.rows(), requests) == (truth("coinbaseexchange", window), 2)


def test_a_page_that_stays_empty_counts_as_quiet_after_two_answers(spoiled):
    spoiled.set_fault("coinbaseexchange", "empty", path="candles")
    [page], requests = pages_of(spoiled, "coinbaseexchange", before_now(2000, 300))
    assert (len(page.checked.candles), page.failed_reason, requests) == (0, "", 2)


def test_a_missing_row_of_bitstamp_is_requested_once_more_and_is_not_quiet(spoiled):
    window = before_now(2000, 60)
    hole = MarketEvent(
        kind="hidden", exchange="bitstamp", start_ms=window.start_ms + 5 * MINUTE_MS,
        end_ms=window.start_ms + 6 * MINUTE_MS,
    )  # fmt: skip
    spoiled.add_events([hole])
    [page], requests = pages_of(spoiled, "bitstamp", window)
    assert (len(page.checked.candles), requests) == (59, 2)
    assert page.checked.missing_slots == {hole.start_ms}


def test_the_last_of_two_rows_of_bitstamp_counts_and_is_recorded(spoiled):
    window = before_now(2000, 60)
    spoiled.add_events(
        [MarketEvent(kind="double_row", exchange="bitstamp", start_ms=window.start_ms, end_ms=window.start_ms + 60_000)]
    )
    [page], requests = pages_of(spoiled, "bitstamp", window)
    assert (page.checked.candles.rows(), requests) == (truth("bitstamp", window), 1)
    assert page.checked.corrections == {"time appears twice with different values, the last row counts": 1}


def test_rows_off_the_grid_are_placed_and_recorded(spoiled):
    window = before_now(2000, 60)
    late = MarketEvent(
        kind="off_grid", exchange="binance", shift_ms=14_789, start_ms=window.start_ms, end_ms=window.end_ms
    )
    spoiled.add_events([late])
    [page], requests = pages_of(spoiled, "binance", window)
    assert (page.checked.candles.rows(), requests) == (truth("binance", window), 1)
    assert page.checked.corrections.total() == len(page.checked.candles) == 60


def test_pages_after_a_failing_page_are_still_fetched(spoiled):
    window = before_now(2000, 900)
    spoiled.set_fault("coinbaseexchange", "status", status=500, body='{"message": "no"}', path="candles", count=5)
    pages, requests = pages_of(spoiled, "coinbaseexchange", window)
    assert [bool(page.failed_reason) for page in pages] == [True, False, False]
    assert "500" in pages[0].failed_reason
    rest = Window(pages[1].window.start_ms, window.end_ms)
    rows = [row for page in pages[1:] for row in page.checked.candles.rows()]
    assert (rows, requests) == (truth("coinbaseexchange", rest), 7)


def test_an_unreachable_exchange_is_not_asked_for_every_page(spoiled):
    spoiled.set_fault("coinbaseexchange", "status", status=503, path="candles")
    pages, requests = pages_of(spoiled, "coinbaseexchange", before_now(2000, 3000))
    assert (len(pages), requests) == (10, 15)
    assert all(page.failed_reason for page in pages)
    assert pages[-1].failed_reason.startswith("not asked, after 3 pages without an answer: ")


def test_a_retry_does_not_use_the_url_of_a_cached_answer(spoiled):
    """Its CDN serves a copy for up to 300 s: the retry must reach the exchange."""
    end_ms = NOW_MS // MINUTE_MS * MINUTE_MS
    window = Window(end_ms - 5 * MINUTE_MS, end_ms)
    spoiled.set_clock(end_ms - 10_000)
    [early], requests = pages_of(spoiled, "coinbaseexchange", window)
    assert (early.failed_reason != "", requests) == (True, 5)
    spoiled.set_clock(NOW_MS)
    try:
        [page], requests = pages_of(spoiled, "coinbaseexchange", window)
    finally:
        spoiled.set_clock(NOW_MS)
    assert page.checked.candles.rows() == truth("coinbaseexchange", window)
    assert requests == 2


@pytest.mark.parametrize("name", PROFILES)
def test_each_retry_has_its_own_url_and_requests_the_same_candles(spoiled, name):
    window = before_now(0, exchange_profile(name).rows_per_request - 1)
    window = Window(window.start_ms - (0 if name == "kraken" else MINUTE_MS), window.end_ms)
    spoiled.set_fault(name, "body", body="html", count=4)
    spoiled.reset_requests()
    [page], requests = pages_of(spoiled, name, window)
    asked = [tuple(request["query"].items()) for request in spoiled.requests(full=True)]
    assert (page.checked.candles.rows(), requests) == (truth(name, window), 5)
    assert len(set(asked)) == 5


def test_dark_pools_of_kraken_are_no_markets_and_hide_none(spoiled):
    kraken = ExchangeClient(ExchangeConnection("kraken", spoiled.exchange_url("kraken")), sleep=lambda _: None)
    usual = {market["symbol"]: market["id"] for market in kraken.fetch_markets()}
    spoiled.set_fault("kraken", "dark_pools")
    assert {market["symbol"]: market["id"] for market in kraken.fetch_markets()} == usual


def test_gate_lists_its_spot_markets_when_its_margin_list_fails(spoiled):
    spoiled.set_fault("gate", "status", status=500, path="margin")
    gate = ExchangeClient(ExchangeConnection("gate", spoiled.exchange_url("gate")), sleep=lambda _: None)
    assert "BTC/USDT" in {market["symbol"] for market in gate.fetch_markets()}
    assert gate.request_count == 1


@pytest.mark.parametrize("name", PROFILES)
def test_the_rate_limit_of_a_connection_is_the_least_time_between_two_requests(name):
    client = ExchangeClient(ExchangeConnection(name, config={"rateLimit": 3000}))
    assert client.pace().sequential_seconds >= 3
    assert client._api.rateLimit == 3000
