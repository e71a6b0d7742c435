"""Redis users with few rights, other addresses, and what all keys begin with, on a real Redis."""

from __future__ import annotations

import logging
import time

import pytest
import redis

from candle_ingest.connections import ExchangeConnection
from candle_ingest.errors import ConfigurationError
from candle_ingest.exchanges.circuit_breaker import CircuitBreaker
from candle_ingest.exchanges.market_cache import MarketCache
from candle_ingest.exchanges.rate_limit import SharedRateLimit
from candle_ingest.planning.symbol_list import read_symbols
from candle_ingest.servers.redis_errors import translate_redis_errors

pytestmark = pytest.mark.integration
KEY = "top_cryptocurrencies"
MARKET = {
    "id": "X",
    "symbol": "BTC/USD",
    "base": "BTC",
    "quote": "USD",
    "baseId": "BTC",
    "quoteId": "USD",
    "active": True,
}


def never(cost: float) -> None:
    raise AssertionError("the limit is not shared")


def use_everything(client: redis.Redis) -> None:
    """Use each part of the package that writes to Redis."""
    limit = SharedRateLimit(client, "kraken:test", 1, never, urgent=True, market_seconds=0.01)
    for _ in range(3):
        limit(1, "BTC/USD")
    limit.refused(0.01, "a test")
    assert limit.slowdown() > 1
    breaker = CircuitBreaker(client, "kraken:test", "kraken")
    for market in ("BTC/USD", "ETH/USD") * 3:
        breaker.failed(market, "a test")
    with translate_redis_errors():
        assert MarketCache(client).markets(ExchangeConnection("kraken"), ["BTC/USD"], lambda: [MARKET])


@pytest.fixture
def connect(redis_server):
    redis_server.client().flushdb()
    redis_server.client().set(KEY, '["btcusd"]')

    def connect(host: str = "", user: str | None = None, rules: str = "") -> redis.Redis:
        if user:
            redis_server.client().execute_command("ACL", "SETUSER", user, "reset", "on", ">secret", *rules.split())
        password = "secret" if user else redis_server.password
        return redis.Redis(host=host or redis_server.host, port=redis_server.port, username=user, password=password)

    return connect


def test_everything_in_redis_begins_with_the_name_of_the_package(connect):
    client = connect()
    use_everything(client)
    others = [key for key in client.scan_iter() if not key.startswith(b"candle_ingest:")]
    assert others == [KEY.encode()]


def test_the_rules_that_an_error_names_are_enough(connect, caplog):
    rules = f"~candle_ingest:* ~{KEY} +@read +@write +@scripting +@transaction +@connection +time"
    client = connect(user="enough", rules=rules)
    assert [symbol.ticker for symbol in read_symbols(client, KEY)] == ["btcusd"]
    use_everything(client)
    assert [record.getMessage() for record in caplog.records if "not shared" in record.getMessage()] == []


@pytest.mark.parametrize(
    ("rules", "missing"),
    [
        (f"~{KEY} +@read +@connection", r"\+hset|\+hmget|\+exists|\+set|\+evalsha|candle_ingest"),
        (f"~{KEY} +@read +@write +@scripting +@transaction +@connection +time", r"~candle_ingest:\*"),
        ("~candle_ingest:* +@all -@write", r"\+\w+"),
    ],
)
def test_a_refusal_by_acl_names_the_rule_that_is_missing(connect, rules, missing):
    client = connect(user="lacking", rules=rules)
    with pytest.raises(ConfigurationError, match=rf"Its ACL lacks .*({missing})"), translate_redis_errors():
        MarketCache(client).markets(ExchangeConnection("kraken"), ["BTC/USD"], lambda: [MARKET])


def test_a_redis_at_an_ipv6_address_shares_the_limit(connect, caplog):
    caplog.set_level(logging.WARNING)
    use_everything(connect(host="::ffff:127.0.0.1"))
    assert [record.getMessage() for record in caplog.records if "not shared" in record.getMessage()] == []


def test_a_read_only_replica_is_refused_in_words(connect, redis_server):
    client = connect()
    with pytest.raises(ConfigurationError, match="read-only replica"), translate_redis_errors():
        raise redis.exceptions.ReadOnlyError("You can't write against a read only replica.")
    assert client.ping()


@pytest.mark.parametrize("cost", [0.4, 1, 3])
def test_a_users_rate_limit_holds_for_each_request_whatever_it_costs(connect, cost):
    limit = SharedRateLimit(connect(), "binance:test", 200, never, least_cost=1.0)
    began = time.monotonic()
    for _ in range(4):
        limit(cost)
    assert time.monotonic() - began >= 3 * 0.2 * max(cost, 1) - 0.05
