"""Faults of Redis, and of programs that write to it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from candle_ingest import connections
from candle_ingest.exchanges.rate_limit import limit_name
from tests.faults.fault import Fault, Outcome
from tests.faults.world import SYMBOLS_KEY, World

METACHARACTERS = [
    'btcusd"', "../../etc/passwd", "btc\nusd", "btc,usd=1 x", "btc usd", r"btc\usd", "\uff42\uff54\uff43usd",
    "\u0431tcusd", "btc/usd/eur", '") |> drop(columns: ["_time"])', "candles value=1i 1", "${bucket}", "\u202edsuctb",
    "\x00", "", " ", "😀usd", "a" * 10_000, None, 1, 1.5, True, ["btcusd"], {"btcusd": 1},
]  # fmt: skip


@contextmanager
def down(world: World, count: int | None) -> Iterator[None]:
    world.redis.stop()
    yield
    world.redis.start()
    world.list_symbols()


@contextmanager
def frozen(world: World, count: int | None) -> Iterator[None]:
    world.patch.setattr(connections, "REDIS_TIMEOUT_SECONDS", 0.3)
    world.redis.freeze()
    yield
    world.redis.thaw()


def lost(path: str, body: bytes = b"", *, restarted: bool = False):
    """Kill Redis when InfluxDB gets this request; it stores nothing on disk, so a restart loses all keys."""

    @contextmanager
    def switch_on(world: World, count: int | None) -> Iterator[None]:
        def act() -> None:
            world.redis.kill()
            if restarted:
                world.redis.start()

        world.rule(path=path, body=body, count=1, act=act)
        yield
        world.redis.start()
        world.list_symbols()

    return switch_on


@contextmanager
def wrong_password(world: World, count: int | None) -> Iterator[None]:
    world.connect(redis=replace(world.redis.address, password="not-the-password"))
    yield
    world.connect()


@contextmanager
def full(world: World, count: int | None) -> Iterator[None]:
    world.redis.address.client().config_set("maxmemory", 1)
    yield
    world.redis.address.client().config_set("maxmemory", 0)


def symbols(write: Callable[[Any], object]):
    """Replace the list of symbols by another value."""

    @contextmanager
    def switch_on(world: World, count: int | None) -> Iterator[None]:
        client = world.redis.address.client()
        client.delete(SYMBOLS_KEY)
        write(client)
        yield
        client.delete(SYMBOLS_KEY)
        world.list_symbols()

    return switch_on


def keys(pattern: str, write: Callable[[Any, str], object]):
    """Overwrite existing keys of this package."""

    @contextmanager
    def switch_on(world: World, count: int | None) -> Iterator[None]:
        client = world.redis.address.client()
        found = list(client.scan_iter(pattern))
        assert found, f"no key {pattern}"
        for key in found:
            client.delete(key)
            write(client, key)
        yield
        for key in found:
            client.delete(key)

    return switch_on


def own_keys(write: Callable[[Any, str], object]):
    """Write keys that this package creates only when it needs them; `write` gets their common suffix."""

    @contextmanager
    def switch_on(world: World, count: int | None) -> Iterator[None]:
        client = world.redis.address.client()
        write(client, limit_name(world.exchange, world.simulator.exchange_url(world.exchange)))
        yield
        client.flushall()
        world.list_symbols()

    return switch_on


def break_rate_limit(client: Any, suffix: str) -> None:
    key = f"candle_ingest:rate:{suffix}"
    client.delete(key)
    client.lpush(key, "x")


def break_circuit_breaker(client: Any, suffix: str) -> None:
    client.set(f"candle_ingest:failures:{suffix}", "not a hash")
    client.lpush(f"candle_ingest:down:{suffix}", "not a string")


def _long_list(count: int) -> str:
    return json.dumps(["btcusd", *(f"nosuch{n}usd" for n in range(count - 1))])


def _fault(name: str, injected: str, says: str, switch_on: Any, outcome: Outcome = Outcome.RETRIED) -> Fault:
    return Fault(area="Redis", name=name, injected=injected, says=says, switch_on=switch_on, outcome=outcome)


NO_ANSWER = "Redis does not answer as it should"
TRUNCATED_MARKET = {"BTC/USDT": '{"symbol": "BTC/'}

REDIS_FAULTS = (
    _fault("down at the start", "redis-server is stopped", NO_ANSWER, down),
    _fault("unresponsive", "redis-server is frozen (SIGSTOP)", NO_ANSWER, frozen),
    _fault("killed before the fetch", "redis-server is killed while the windows are planned", NO_ANSWER,
           lost("/api/v2/query")),
    _fault("killed before the merge", "redis-server is killed while candles are written", NO_ANSWER,
           lost("/api/v2/write", b"exchange_candles,")),
    _fault("restarted, with all keys lost", "redis-server is killed and restarted while candles are written", "",
           lost("/api/v2/write", b"exchange_candles,", restarted=True), Outcome.UNAFFECTED),
    _fault("wrong password", "the connection holds a wrong one", "Redis refuses user or password", wrong_password,
           Outcome.AT_ONCE),
    _fault("out of memory", "`maxmemory` is reached", NO_ANSWER + r"|No shared rate limit", full),
    _fault("the list of symbols is missing", "`DEL`", "does not exist; expected", symbols(lambda c: None),
           Outcome.AT_ONCE),
    _fault("a key of the wrong type", "a hash", "is a hash; expected", symbols(lambda c: c.hset(SYMBOLS_KEY, "a", 1)),
           Outcome.AT_ONCE),
    _fault("not JSON", "plain text", "is not JSON", symbols(lambda c: c.set(SYMBOLS_KEY, "btcusd,ethusd")),
           Outcome.AT_ONCE),
    _fault("bytes that are not text", "`\\xff\\xfe`", "is not JSON",
           symbols(lambda c: c.set(SYMBOLS_KEY, b"\xff\xfe\x00")), Outcome.AT_ONCE),
    _fault("JSON nested 100,000 deep", "brackets", "is not JSON",
           symbols(lambda c: c.set(SYMBOLS_KEY, "[" * 100_000)), Outcome.AT_ONCE),
    _fault("a value of 50 MB", "one long list", r"is larger than \d+ MB", symbols(
           lambda c: c.set(SYMBOLS_KEY, '["' + "x" * 50_000_000 + '"]')), Outcome.AT_ONCE),
    _fault("100,000 symbols, JSON", "one of them is real", "100,000 entries",
           symbols(lambda c: c.set(SYMBOLS_KEY, _long_list(100_000))), Outcome.AT_ONCE),
    _fault("100,000 symbols, a set", "one of them is real", "100,000 entries",
           symbols(lambda c: c.sadd(SYMBOLS_KEY, *json.loads(_long_list(100_000)))), Outcome.AT_ONCE),
    _fault("hostile symbols beside a good one", "quotes, line breaks, paths, unicode, Flux", "Left out: ",
           symbols(lambda c: c.set(SYMBOLS_KEY, json.dumps([*METACHARACTERS, "btcusd"]))), Outcome.UNAFFECTED),
    _fault("only hostile symbols", "the same without a good one", "holds no valid symbol",
           symbols(lambda c: c.set(SYMBOLS_KEY, json.dumps(METACHARACTERS))), Outcome.AT_ONCE),
    _fault("the cached markets are truncated JSON", "half of a JSON object", "are requested again",
           keys("candle_ingest:markets:*", lambda c, key: c.hset(key, mapping=TRUNCATED_MARKET)), Outcome.RECOVERED),
    _fault("the cached markets have the wrong structure", "JSON without the expected keys",
           "are requested again",
           keys("candle_ingest:markets:*", lambda c, key: c.hset(key, "BTC/USDT", "[1]")), Outcome.RECOVERED),
    _fault("the cached markets have the wrong type", "a string", NO_ANSWER,
           keys("candle_ingest:markets:*", lambda c, key: c.set(key, "no hash"))),
    _fault("the key of the rate limit has the wrong type", "a list", "No shared rate limit",
           own_keys(break_rate_limit), Outcome.RECOVERED),
    _fault("the learnt pace is not a number", "a string", "No shared rate limit",
           own_keys(lambda c, suffix: c.set(f"candle_ingest:pace:{suffix}", "fast")), Outcome.RECOVERED),
    _fault("the keys of the circuit breaker have the wrong types", "values of other types",
           "cannot share whether the exchange is down", own_keys(break_circuit_breaker), Outcome.RECOVERED),
)  # fmt: skip
