"""The lists of markets in a real Redis."""

from __future__ import annotations

import threading
import time

import pytest

from candle_ingest.connections import ExchangeConnection
from candle_ingest.errors import PermanentError, TemporaryError
from candle_ingest.errors.runs import MarketsBusyError
from candle_ingest.exchanges import market_cache
from candle_ingest.exchanges.market_cache import MarketCache

pytestmark = pytest.mark.integration
HERE = ExchangeConnection("kraken", "http://127.0.0.1:1")
BTC = {
    "id": "XXBTZUSD",
    "symbol": "BTC/USD",
    "base": "BTC",
    "quote": "USD",
    "baseId": "XXBT",
    "quoteId": "ZUSD",
    "active": True,
}


@pytest.fixture
def client(redis_server):
    with redis_server.client() as opened:
        opened.flushdb()
        yield opened


class Exchange:
    """Counts how often it is asked."""

    def __init__(self, error: Exception | None = None) -> None:
        self.asked = 0
        self.error = error

    def load(self):
        self.asked += 1
        time.sleep(0.05)
        if self.error:
            raise self.error
        return [BTC]


def grow_old(client) -> None:
    for key in client.scan_iter("candle_ingest:markets:*:fresh"):
        client.delete(key)


def test_all_tasks_together_ask_once_an_hour(redis_server, client):
    exchange, found = Exchange(), []

    def task() -> None:
        with redis_server.client() as own:
            found.append(MarketCache(own).markets(HERE, ["BTC/USD", "ETH/USD"], exchange.load))

    tasks = [threading.Thread(target=task) for _ in range(6)]
    for thread in tasks:
        thread.start()
    for thread in tasks:
        thread.join()
    assert (exchange.asked, found) == (1, [{"BTC/USD": BTC}] * 6)
    grow_old(client)
    task()
    assert exchange.asked == 2


def test_while_an_exchange_is_down_its_last_market_list_serves_and_is_logged(client, caplog):
    MarketCache(client).markets(HERE, [], Exchange().load)
    grow_old(client)
    for read_only in (True, False):
        cache = MarketCache(client, read_only=read_only)
        assert cache.markets(HERE, ["BTC/USD"], Exchange(TemporaryError("503")).load) == {"BTC/USD": BTC}
    assert "kraken: its list of markets cannot be read; using the cached one: 503" in caplog.text


def test_many_fetches_in_a_row_cost_one_failing_request_for_the_list(client):
    MarketCache(client).markets(HERE, [], Exchange().load)
    grow_old(client)
    down = Exchange(TemporaryError("503"))
    for _ in range(10):
        assert MarketCache(client).markets(HERE, ["BTC/USD"], down.load) == {"BTC/USD": BTC}
    assert down.asked == 1
    [fresh] = client.scan_iter("candle_ingest:markets:*:fresh")
    assert 0 < client.ttl(fresh) <= market_cache.RETRY_SECONDS


def test_a_dry_run_does_not_record_that_a_list_could_not_be_read(client):
    MarketCache(client).markets(HERE, [], Exchange().load)
    grow_old(client)
    MarketCache(client, read_only=True).markets(HERE, [], Exchange(TemporaryError("503")).load)
    assert list(client.scan_iter("candle_ingest:markets:*:fresh")) == []


def test_a_list_that_other_tasks_keep_locked_is_a_temporary_error(client, monkeypatch):
    monkeypatch.setattr(market_cache, "LOCK_SECONDS", 0.2)
    with client.lock(f"{MarketCache._key(HERE)}:lock"), pytest.raises(MarketsBusyError, match="kraken: its list"):
        MarketCache(client).markets(HERE, ["BTC/USD"], Exchange().load)


def test_a_list_that_takes_longer_than_its_lock_is_used(client):
    def slow():
        client.delete(f"{MarketCache._key(HERE)}:lock")
        return [BTC]

    assert MarketCache(client).markets(HERE, ["BTC/USD"], slow) == {"BTC/USD": BTC}


def test_an_exchange_that_refuses_for_good_keeps_its_last_list_and_the_log_says_so(client, caplog):
    MarketCache(client).markets(HERE, [], Exchange().load)
    grow_old(client)
    found = MarketCache(client).markets(HERE, ["BTC/USD"], Exchange(PermanentError("451")).load)
    assert found == {"BTC/USD": BTC}
    assert "using the cached one: 451" in caplog.text


def test_without_any_list_a_refusal_for_good_comes_through(client):
    with pytest.raises(PermanentError, match="451"):
        MarketCache(client).markets(HERE, ["BTC/USD"], Exchange(PermanentError("451")).load)


def test_without_any_list_the_error_comes_through(client):
    with pytest.raises(TemporaryError, match="503"):
        MarketCache(client).markets(HERE, ["BTC/USD"], Exchange(TemporaryError("503")).load)


def test_a_dry_run_keeps_no_list(client):
    assert MarketCache(client, read_only=True).markets(HERE, ["BTC/USD"], Exchange().load) == {"BTC/USD": BTC}
    assert list(client.scan_iter("candle_ingest:markets*")) == []
