"""The list of symbols, in a real Redis."""

from __future__ import annotations

import pytest
import redis

from candle_ingest.errors import ConfigurationError, SymbolError, TemporaryError
from candle_ingest.planning.symbol_list import read_symbols
from dev.local_stack.ports import free_port

pytestmark = pytest.mark.integration
KEY = "symbols"


@pytest.fixture
def client(redis_server):
    client = redis.Redis(host=redis_server.host, port=redis_server.port, password=redis_server.password)
    client.flushdb()
    return client


def pairs(client) -> list[str]:
    return [symbol.currency_pair for symbol in read_symbols(client, KEY)]


def test_a_json_list_keeps_its_order(client):
    client.set(KEY, '["ethusd", "BTC/USD", "SOL-USDT"]')
    assert pairs(client) == ["ETH/USD", "BTC/USD", "SOL/USDT"]


def test_a_redis_list_a_set_and_a_sorted_set_work_too(client):
    client.rpush(KEY, "ethusd", "btcusd")
    assert pairs(client) == ["ETH/USD", "BTC/USD"]
    client.delete(KEY)
    client.sadd(KEY, "ethusd", "btcusd")
    assert pairs(client) == ["BTC/USD", "ETH/USD"]
    client.delete(KEY)
    client.zadd(KEY, {"ethusd": 1, "btcusd": 2})
    assert pairs(client) == ["ETH/USD", "BTC/USD"]


def test_what_cannot_be_understood_is_named_and_left_out(client, caplog):
    client.set(KEY, '["btcusd", "b t c", 7, "btcusd\\"", "BTC-USD"]')
    assert pairs(client) == ["BTC/USD"]
    for named in ("'b t c' is not a symbol", "'7' is not a symbol", "is the same pair as 'btcusd', BTC/USD"):
        assert named in caplog.text


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (None, "does not exist"),
        ("", "is not JSON"),
        ("btcusd,ethusd", "is not JSON"),
        ('{"btcusd": 1}', "holds a JSON dict"),
        ("[]", "holds an empty list"),
        ('["?"]', "holds no valid symbol"),
    ],
)
def test_an_unusable_key_is_an_error_that_says_what_was_found_and_what_is_expected(client, value, found):
    if value is not None:
        client.set(KEY, value)
    with pytest.raises(SymbolError, match=rf"'symbols'.*{found}.*expected a JSON list of strings"):
        read_symbols(client, KEY)


def test_a_key_of_another_type_is_named(client):
    client.hset(KEY, "btcusd", "1")
    with pytest.raises(SymbolError, match="is a hash; expected"):
        read_symbols(client, KEY)


def test_a_wrong_password_is_for_a_person_and_a_silent_redis_for_a_retry(redis_server, monkeypatch):
    monkeypatch.setattr("redis.backoff.ExponentialWithJitterBackoff.compute", lambda self, failures: 0.02)
    with pytest.raises(ConfigurationError, match="Redis refuses"):
        read_symbols(redis.Redis(host=redis_server.host, port=redis_server.port, password="wrong"), KEY)
    with pytest.raises(TemporaryError, match="Redis does not answer"):
        read_symbols(redis.Redis(host="127.0.0.1", port=free_port()), KEY)
