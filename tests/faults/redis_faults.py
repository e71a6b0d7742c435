"""What Redis, and those who write there, do wrong."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from candle_ingest import connections
from candle_ingest.exchanges.rate_limit import limit_name
from tests.faults.fault import Fault, Under
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
    """Redis ends when InfluxDB is asked for this; it keeps nothing on disk, so that a restart forgets all."""

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
    """Somebody writes another value below the key of the symbols."""

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
    """Somebody overwrites the keys of this package."""

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
    """Somebody writes below the keys that this package makes when it needs them; `write` gets their common end."""

    @contextmanager
    def switch_on(world: World, count: int | None) -> Iterator[None]:
        client = world.redis.address.client()
        write(client, limit_name(world.exchange, world.simulator.exchange_url(world.exchange)))
        yield
        client.flushall()
        world.list_symbols()

    return switch_on


def break_rate_limit(client: Any, end: str) -> None:
    key = f"candle_ingest:rate:{end}"
    client.delete(key)
    client.lpush(key, "x")


def break_breaker(client: Any, end: str) -> None:
    client.set(f"candle_ingest:failures:{end}", "no hash")
    client.lpush(f"candle_ingest:down:{end}", "no text")


def _long_list(count: int) -> str:
    return json.dumps(["btcusd", *(f"nosuch{n}usd" for n in range(count - 1))])


def _fault(name: str, injected: str, says: str, switch_on: Any, under: Under = Under.RETRIED, **more: Any) -> Fault:
    return Fault(area="Redis", name=name, injected=injected, says=says, switch_on=switch_on, under=under, **more)


NO_ANSWER = "Redis does not answer as it should"
TRUNCATED_GARBAGE = {"BTC/USDT": '{"symbol": "BTC/'}

REDIS_FAULTS = (
    _fault("down at the start", "redis-server is stopped", NO_ANSWER, down),
    _fault("silent", "redis-server is frozen (SIGSTOP)", NO_ANSWER, frozen),
    _fault("lost before the fetch", "redis-server is killed while the windows are planned", NO_ANSWER,
           lost("/api/v2/query")),
    _fault("lost before the merge", "redis-server is killed while candles are written", NO_ANSWER,
           lost("/api/v2/write", b"exchange_candles,")),
    _fault("restarted, all keys gone", "redis-server is killed and started while candles are written", "",
           lost("/api/v2/write", b"exchange_candles,", restarted=True), Under.UNHARMED),
    _fault("wrong password", "the connection holds another one", "Redis refuses user or password", wrong_password,
           Under.AT_ONCE),
    _fault("out of memory", "`maxmemory` is reached", NO_ANSWER + r"|No shared rate limit", full),
    _fault("the list of symbols is gone", "`DEL`", "does not exist; expected", symbols(lambda c: None), Under.AT_ONCE),
    _fault("a key of another type", "a hash", "is a hash; expected", symbols(lambda c: c.hset(SYMBOLS_KEY, "a", 1)),
           Under.AT_ONCE),
    _fault("no JSON", "a plain text", "is not JSON", symbols(lambda c: c.set(SYMBOLS_KEY, "btcusd,ethusd")),
           Under.AT_ONCE),
    _fault("bytes that are no text", "`\\xff\\xfe`", "is not JSON",
           symbols(lambda c: c.set(SYMBOLS_KEY, b"\xff\xfe\x00")), Under.AT_ONCE),
    _fault("JSON nested 100,000 deep", "brackets", "is not JSON",
           symbols(lambda c: c.set(SYMBOLS_KEY, "[" * 100_000)), Under.AT_ONCE),
    _fault("a value of 50 MB", "one long list", r"is larger than \d+ MB", symbols(
           lambda c: c.set(SYMBOLS_KEY, '["' + "x" * 50_000_000 + '"]')), Under.AT_ONCE),
    _fault("100,000 symbols, JSON", "one of them is real", "100,000 entries",
           symbols(lambda c: c.set(SYMBOLS_KEY, _long_list(100_000))), Under.AT_ONCE),
    _fault("100,000 symbols, a set", "one of them is real", "100,000 entries",
           symbols(lambda c: c.sadd(SYMBOLS_KEY, *json.loads(_long_list(100_000)))), Under.AT_ONCE),
    _fault("hostile symbols beside a good one", "quotes, line breaks, paths, unicode, Flux", "Left out: ",
           symbols(lambda c: c.set(SYMBOLS_KEY, json.dumps([*METACHARACTERS, "btcusd"]))), Under.UNHARMED),
    _fault("only hostile symbols", "the same without a good one", "holds no symbol that can be understood",
           symbols(lambda c: c.set(SYMBOLS_KEY, json.dumps(METACHARACTERS))), Under.AT_ONCE),
    _fault("the cached markets are garbage", "half of a JSON object", "the exchange is asked again",
           keys("candle_ingest:markets:*", lambda c, key: c.hset(key, mapping=TRUNCATED_GARBAGE)), Under.HEALED),
    _fault("the cached markets are another object", "JSON without the keys", "the exchange is asked again",
           keys("candle_ingest:markets:*", lambda c, key: c.hset(key, "BTC/USDT", "[1]")), Under.HEALED),
    _fault("the cached markets have another type", "a text", NO_ANSWER,
           keys("candle_ingest:markets:*", lambda c, key: c.set(key, "no hash"))),
    _fault("garbage below the keys of the rate limit", "a list", "No shared rate limit",
           own_keys(break_rate_limit), Under.HEALED),
    _fault("garbage below the key of the learnt pace", "a text", "No shared rate limit",
           own_keys(lambda c, end: c.set(f"candle_ingest:pace:{end}", "fast")), Under.HEALED),
    _fault("garbage below the keys of the breaker", "values of other types", "is not shared for this task",
           own_keys(break_breaker), Under.HEALED),
)  # fmt: skip
