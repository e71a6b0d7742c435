"""What all tasks share about an exchange, in a real Redis: its budget, what it asks for, whether it is down."""

from __future__ import annotations

import json
import threading
import time

import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from candle_ingest.candles.window import Window
from candle_ingest.connections import ExchangeConnection
from candle_ingest.errors import PermanentError
from candle_ingest.exchanges import circuit_breaker, rate_limit, request_gate
from candle_ingest.exchanges.circuit_breaker import CircuitBreaker, ExchangeDownError
from candle_ingest.exchanges.client import ExchangeClient
from candle_ingest.exchanges.error_mapping import ExchangeTemporaryError
from candle_ingest.exchanges.rate_limit import ExchangePausedError, SharedRateLimit, limit_name
from candle_ingest.exchanges.shared_pace import KEY as PACE_KEY
from candle_ingest.settings import PipelineSettings
from dev.exchange_simulator.coins import utc_ms
from tests.integration.servers.environment import connection_variables
from tests.integration.steps import run_steps

pytestmark = pytest.mark.integration
HOUR = Window(utc_ms("2026-03-10"), utc_ms("2026-03-10") + 3_600_000)
NOW_MS = HOUR.end_ms + 60_000


@pytest.fixture(autouse=True)
def _clean(exchanges, redis_server, monkeypatch):
    monkeypatch.setattr(request_gate, "FIRST_WAIT_SECONDS", 0.01)
    monkeypatch.setattr(rate_limit, "REFUSED_PAUSE_SECONDS", 0.01)
    redis_server.client().flushdb()


@pytest.fixture
def task(exchanges, redis_server):
    """Return another task that asks an exchange, with its own Redis client."""

    def opened(exchange: str = "binance", **options) -> ExchangeClient:
        connection = ExchangeConnection(exchange, exchanges.exchange_url(exchange))
        return ExchangeClient(connection, redis_client=redis_server.client(), **options)

    return opened


def breaker(redis_server) -> CircuitBreaker:
    return CircuitBreaker(redis_server.client(), "kraken:test", "kraken")


def requests(exchanges, exchange="binance") -> list[dict]:
    return [request for request in exchanges.requests(full=True) if request["exchange"] == exchange]


def test_a_pause_that_the_exchange_asked_one_task_for_is_obeyed_by_all(exchanges, task):
    exchanges.set_fault("binance", "status", status=429, headers={"Retry-After": "1"}, count=1)
    first, second = task(), task()
    asking = threading.Thread(target=first.fetch_markets)
    asking.start()
    while not requests(exchanges):
        time.sleep(0.01)
    time.sleep(0.1)
    second.fetch_markets()
    asking.join()
    times_ms = [request["time_ms"] for request in requests(exchanges)]
    assert len(times_ms) == 3
    assert min(times_ms[1:]) - times_ms[0] >= 900


def test_during_a_long_ban_no_task_asks_and_each_says_why(exchanges, task):
    exchanges.set_fault("binance", "status", status=418, headers={"Retry-After": "120"}, count=1)
    with pytest.raises(ExchangeTemporaryError, match="418"):
        task().fetch_markets()
    with pytest.raises(
        ExchangePausedError, match=r"asked for another 1\d\d s without requests, and all tasks obey: .*418"
    ):
        task().fetch_markets()
    assert len(requests(exchanges)) == 1


def test_a_ban_that_only_its_words_date_is_obeyed_too(exchanges, task):
    until_ms = int(time.time() * 1000) + 300_000
    body = json.dumps({"code": -1003, "msg": f"Way too much request weight used; IP banned until {until_ms}."})
    exchanges.set_fault("binance", "status", status=418, body=body, count=1)
    for _ in range(2):
        with pytest.raises((ExchangeTemporaryError, ExchangePausedError)):
            task().fetch_markets()
    assert len(requests(exchanges)) == 1


def test_pauses_of_one_exchange_are_not_those_of_another(exchanges, task):
    exchanges.set_fault("binance", "status", status=418, headers={"Retry-After": "120"}, count=1)
    with pytest.raises(ExchangeTemporaryError):
        task().fetch_markets()
    assert task("kucoin").fetch_markets()


def test_catch_up_takes_its_turn_before_backfill(redis_server):
    order: list[str] = []

    def ask(name: str, urgent: bool) -> None:
        limit = SharedRateLimit(redis_server.client(), "test:order", 300, lambda cost: None, urgent=urgent)
        limit(1)
        order.append(name)

    ask("first", False)
    ask("second", False)
    waiting = [threading.Thread(target=ask, args=(f"backfill {n}", False)) for n in range(3)]
    for thread in waiting:
        thread.start()
    time.sleep(0.05)
    urgent = threading.Thread(target=ask, args=("catch-up", True))
    urgent.start()
    for thread in (*waiting, urgent):
        thread.join()
    assert len(order) == 6
    # The one that was served when catch-up came may still be before it.
    assert order.index("catch-up") <= 3


def test_after_a_few_failures_of_two_markets_no_task_asks(redis_server):
    first, second = breaker(redis_server), breaker(redis_server)
    for market in ("BTC/USD", "BTC/USD", "ETH/USD", "BTC/USD", "BTC/USD"):
        second.enter()
        first.failed(market, "503")
    with pytest.raises(ExchangeDownError, match=r"kraken does not answer; one task will try again in \d+ s: 503"):
        second.enter()


def test_a_single_market_that_fails_stops_no_other(redis_server):
    for _ in range(20):
        breaker(redis_server).failed("BTC/USD", "500")
    breaker(redis_server).enter()


def test_an_answer_in_between_starts_the_count_again(redis_server):
    task = breaker(redis_server)
    for market in ("BTC/USD", "ETH/USD", "BTC/USD", "ETH/USD"):
        task.failed(market, "503")
    task.enter()
    task.answered()
    task.failed("BTC/USD", "503")
    task.enter()


@pytest.fixture
def down(redis_server, monkeypatch):
    """An exchange that was found down, and has rested."""
    monkeypatch.setattr(circuit_breaker, "REST_MS", 50)
    for market in ("BTC/USD", "ETH/USD") * 3:
        breaker(redis_server).failed(market, "503")
    time.sleep(0.1)


@pytest.mark.usefixtures("down")
def test_after_the_rest_one_task_tries_and_the_others_wait(redis_server):
    probe, other = breaker(redis_server), breaker(redis_server)
    probe.enter()
    with pytest.raises(ExchangeDownError, match="one task will try again now"):
        other.enter()
    probe.answered()
    other.enter()


@pytest.mark.usefixtures("down")
def test_a_probe_that_fails_makes_all_wait_again(redis_server, monkeypatch):
    probe = breaker(redis_server)
    probe.enter()
    monkeypatch.setattr(circuit_breaker, "REST_MS", 30_000)
    probe.failed("BTC/USD", "still 503")
    with pytest.raises(ExchangeDownError, match="still 503"):
        breaker(redis_server).enter()


@pytest.fixture
def rested(exchanges, redis_server, monkeypatch):
    """binance was found down, and has rested: the next task tries it."""
    monkeypatch.setattr(circuit_breaker, "REST_MS", 50)
    found = CircuitBreaker(redis_server.client(), limit_name("binance", exchanges.exchange_url("binance")), "binance")
    for market in ("BTC/USD", "ETH/USD") * 3:
        found.failed(market, "503")
    time.sleep(0.1)


@pytest.mark.usefixtures("rested")
@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "status", "status": 429},
        {"kind": "body", "body": "json"},
    ],
    ids=["too many requests", "an answer without markets"],
)
def test_a_probe_that_is_refused_goes_on_as_the_exchange_is_not_down(exchanges, task, fault):
    exchanges.set_fault("binance", count=1, **fault)
    assert task().fetch_markets()
    assert len(requests(exchanges)) == 2


@pytest.mark.usefixtures("rested")
def test_a_probe_that_fails_for_good_lets_others_ask(exchanges, task):
    exchanges.set_fault("binance", "status", status=451, count=1)
    with pytest.raises(PermanentError, match="451"):
        task().fetch_markets()
    assert task().fetch_markets()


@pytest.mark.usefixtures("rested")
def test_a_probe_that_was_told_to_wait_leaves_it_to_another_task(exchanges, task, redis_server):
    pause_key = f"candle_ingest:pause:{limit_name('binance', exchanges.exchange_url('binance'))}"
    redis_server.client().set(pause_key, "banned", px=120_000)
    for _ in range(2):
        with pytest.raises(ExchangePausedError, match="banned"):
            task().fetch_markets()
    redis_server.client().delete(pause_key)
    assert task().fetch_markets()


def test_a_limit_stays_shared_though_redis_does_not_answer_for_a_moment(redis_server, caplog):
    address, past_the_limit = redis_server.client().connection_pool.connection_kwargs, []
    impatient = redis.Redis(**{**address, "socket_timeout": 0.1, "retry": Retry(NoBackoff(), 0)})
    limit = SharedRateLimit(impatient, "kraken:moment", 10, past_the_limit.append)
    limit(1)
    redis_server.client().client_pause(400, all=True)
    limit(1)
    assert past_the_limit == []
    assert "the shared rate limit is tried again" in caplog.text


def test_a_limit_is_shared_again_a_while_after_redis_came_back(redis_server, monkeypatch):
    monkeypatch.setattr(rate_limit, "UNSHARED_SECONDS", 0.5)
    client, past_the_limit = redis_server.client(), []
    client.set(PACE_KEY.format("kraken:while"), "fast")
    limit = SharedRateLimit(client, "kraken:while", 10, past_the_limit.append, sleep=lambda seconds: None)
    limit(1)
    assert past_the_limit == [1]
    client.delete(PACE_KEY.format("kraken:while"))
    time.sleep(0.6)
    limit(1)
    assert past_the_limit == [1]


def test_without_redis_each_task_finds_out_for_itself(redis_server, caplog):
    client = redis_server.client()
    client.connection_pool.connection_kwargs["port"] = 1
    alone = CircuitBreaker(client, "kraken:test", "kraken")
    alone.enter()
    alone.failed("BTC/USD", "503")
    assert "kraken: this task cannot share whether the exchange is down" in caplog.text


def test_an_exchange_that_is_down_costs_few_calls_over_all_symbols(
    exchanges, redis_server, influxdb_server, monkeypatch
):
    for name, value in connection_variables(redis_server, influxdb_server, exchanges).items():
        monkeypatch.setenv(name, value)
    redis_server.client().set("top_cryptocurrencies", json.dumps(["btcusd", "ethusd", "solusd", "xrpusd", "adausd"]))
    exchanges.set_fault("kucoin", "status", status=503, path="candles")
    settings = PipelineSettings(
        name="candle", exchanges=("kucoin",), settle_seconds=0, influxdb_bucket=influxdb_server.new_bucket()
    )
    result = run_steps(settings, "backfill", HOUR, NOW_MS)
    assert len(result.failed) == 5
    assert isinstance(result.failed["ADA/USD @ kucoin"], ExchangeDownError)
    assert sum("candles" in request["path"] for request in requests(exchanges, "kucoin")) == 6
