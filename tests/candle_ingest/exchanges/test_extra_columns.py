"""What exchanges send beside OHLCV: in the same calls as `fetch_ohlcv`, with the same rows, from the simulator."""

import math

import ccxt
import numpy as np
import pytest

from candle_ingest.candles.candles import EXTRA_FIELDS, Candles
from candle_ingest.candles.timeframe import Timeframe
from candle_ingest.candles.window import MINUTE_MS, Window
from candle_ingest.connections import ExchangeConnection
from candle_ingest.exchanges.answers import ParsedRows
from candle_ingest.exchanges.candle_pages import candle_pages
from candle_ingest.exchanges.client import ExchangeClient
from candle_ingest.exchanges.profiles import PROFILES
from candle_ingest.exchanges.wire_rows import read_rows
from dev.exchange_simulator.coins import utc_ms
from dev.exchange_simulator.market_events import MarketEvent
from dev.exchange_simulator.markets import DOLLAR_EXCHANGES, find_market
from dev.exchange_simulator.synthetic_market import true_extras

NOW_MS = utc_ms("2026-03-11") + 30_000
WINDOW = Window(utc_ms("2026-03-11") - 180 * MINUTE_MS, utc_ms("2026-03-11"))


def market_of(name):
    symbol = f"BTC/{'USD' if name in DOLLAR_EXCHANGES else 'USDT'}"
    listed = find_market(name, symbol)
    codes = {"base": listed.base, "quote": listed.quote, "baseId": listed.base, "quoteId": listed.quote}
    return {"id": listed.id, "symbol": symbol, **codes}


def fetched(simulator, name):
    exchange = ExchangeClient(ExchangeConnection(name, simulator.exchange_url(name)), sleep=lambda _: None)
    exchange._api.milliseconds = lambda: NOW_MS
    return list(candle_pages(exchange, market_of(name), [WINDOW], Timeframe(1), NOW_MS))


def bare_rows(simulator, name):
    """Return what `fetch_ohlcv` of unmodified ccxt returns for the window."""
    profile, market = PROFILES[name], market_of(name)
    api = getattr(ccxt, name)({"enableRateLimit": False})
    api.milliseconds = lambda: NOW_MS
    moved = ExchangeClient(ExchangeConnection(name, simulator.exchange_url(name)))._api
    api.urls["api"] = moved.urls["api"]
    api.set_markets([{**market, "spot": True, "type": "spot", "active": True}])
    params = {"until": WINDOW.end_ms - 1000} if profile.takes_until else {}
    rows = api.fetch_ohlcv(market["symbol"], "1m", WINDOW.start_ms, WINDOW.slots(MINUTE_MS), params)
    return [tuple(row) for row in rows if WINDOW.start_ms <= row[0] < WINDOW.end_ms]


def sent_requests(simulator, name):
    return [(r["path"], r["query"]) for r in simulator.requests(full=True) if r["exchange"] == name]


@pytest.mark.parametrize("name", PROFILES)
def test_rows_and_requests_are_those_of_fetch_ohlcv(simulator, name):
    simulator.reset_requests()
    bare = bare_rows(simulator, name)
    asked = sent_requests(simulator, name)
    simulator.reset_requests()
    [page] = fetched(simulator, name)
    assert page.checked.candles.rows() == bare
    assert sent_requests(simulator, name)[:1] == asked
    assert page.checked.corrections == {}


@pytest.mark.parametrize("name", PROFILES)
def test_extra_columns_are_what_the_exchange_sends(simulator, name):
    candles = Candles.concatenate([page.checked.candles for page in fetched(simulator, name)])
    truth = true_extras(name, market_of(name)["symbol"], WINDOW.start_ms, WINDOW.end_ms)
    assert len(candles) > 100
    for field in EXTRA_FIELDS:
        for time, found in zip(candles.open_time_ms.tolist(), candles.extra_column(field).tolist(), strict=True):
            true = getattr(truth[time], field)
            assert math.isnan(found) if true is None else found == pytest.approx(true, rel=1e-6, abs=1e-6)


def test_exchanges_without_extra_columns_are_those_of_the_documentation():
    assert {name for name, p in PROFILES.items() if p.wire_columns is None} == {
        "coinbase", "coinbaseexchange", "bitstamp",
    }  # fmt: skip


@pytest.mark.parametrize("name", ["okx", "gate"])
def test_a_row_flagged_as_unfinished_is_requested_again_and_never_kept(simulator, name):
    slot_ms = WINDOW.end_ms - 5 * MINUTE_MS
    event = MarketEvent(
        kind="unconfirmed", exchange=name, start_ms=slot_ms, end_ms=slot_ms + MINUTE_MS, until_ms=NOW_MS + 3_600_000
    )
    simulator.add_events([event])
    try:
        simulator.reset_requests()
        [page] = fetched(simulator, name)
    finally:
        simulator.clear_events()
    assert page.checked.rejected == {"unfinished, according to the exchange": 1}
    assert page.checked.rejected_slots == {slot_ms}
    assert len(page.checked.candles) == 179
    assert len(sent_requests(simulator, name)) == 5


@pytest.mark.parametrize("sent", [None, 5, "text", [], {}, [1], [[]] * 12, ["x"] * 12])
@pytest.mark.parametrize("name", [name for name, p in PROFILES.items() if p.wire_columns])
def test_a_row_of_another_shape_has_no_extra_values(name, sent):
    row = [60_000, 1.0, 1.0, 1.0, 1.0, 1.0]
    answer = read_rows(ParsedRows([row], [sent]), PROFILES[name], None)
    assert answer.rows == [row]
    assert np.isnan(answer.extras).tolist() == [[True] * 3]
    assert answer.unfinished_ms == frozenset()
