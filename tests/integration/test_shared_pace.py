"""Several processes ask one kraken, which counts by address and by pair and restricts who goes on: all of the pace is
used, and nobody is refused twice."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, replace

import pytest
import requests

from candle_ingest.candles.timeframe import Timeframe
from candle_ingest.candles.window import MINUTE_MS, Window
from candle_ingest.connections import ExchangeConnection
from candle_ingest.exchanges import profiles
from candle_ingest.exchanges.client import ExchangeClient
from candle_ingest.exchanges.learnt_pace import STEP
from candle_ingest.exchanges.rate_limit import limit_name
from candle_ingest.exchanges.shared_pace import read_pace
from tests.integration.servers.processes import process_pool

pytestmark = pytest.mark.integration
KRAKEN = profiles.PROFILES["kraken"]
CALL_SECONDS = KRAKEN.call_cost * KRAKEN.rate_limit_ms / 1000


@dataclass(frozen=True)
class Worker:
    """One process: asks for these markets in turn, until the time is over.

    Before that another program on the same address makes `others_calls` for the first of them.
    """

    url: str
    redis: dict
    markets: list[dict]
    seconds: float
    market_seconds: float
    others_calls: int = 0

    def __call__(self) -> None:
        import redis

        kraken = replace(KRAKEN, market_seconds=self.market_seconds)
        profiles.PROFILES = {**profiles.PROFILES, "kraken": kraken}
        client = ExchangeClient(ExchangeConnection("kraken", self.url), redis_client=redis.Redis(**self.redis))
        for _ in range(self.others_calls):
            requests.get(f"{self.url}/0/public/OHLC", params={"pair": self.markets[0]["id"]}, timeout=5)
        end_s = time.time() + self.seconds
        now_ms = int(time.time() * 1000) // MINUTE_MS * MINUTE_MS
        window = Window(now_ms - 60 * MINUTE_MS, now_ms)
        while time.time() < end_s:
            for market in self.markets:
                client.fetch_rows(market, Timeframe(1), window, lambda answer: answer)


@pytest.fixture
def run(simulator, redis_server):
    """Let processes ask, each for the markets at its places in the list, and return how many calls were accepted."""
    redis_server.client().flushdb()
    url = simulator.exchange_url("kraken")
    markets = ExchangeClient(ExchangeConnection("kraken", url)).fetch_markets()
    address = {"host": redis_server.host, "port": redis_server.port, "password": redis_server.password}

    def run(places, seconds, **options):
        simulator.reset_requests()
        options = {"market_seconds": KRAKEN.market_seconds, **options}
        workers = [Worker(url, address, [markets[i] for i in own], seconds, **options) for own in places]
        with process_pool(len(workers)) as pool:
            for done in [pool.submit(worker) for worker in workers]:
                done.result()
        return Counter(simulator.requests()["kraken"]["/0/public/OHLC"])

    return run


def test_pairs_do_not_wait_for_one_another_and_none_is_refused(run):
    counts = run([[0], [0, 1], [2]], seconds=10)
    assert counts["rejected"] == 0
    assert counts["accepted"] >= 0.7 * 3 * 10 / KRAKEN.market_seconds


def test_many_pairs_share_the_limit_of_the_address(run):
    counts = run([range(4), range(4, 8), range(8, 12)], seconds=8)
    assert counts["rejected"] == 0
    assert counts["accepted"] >= 0.7 * 8 / CALL_SECONDS


def test_after_one_refusal_all_processes_are_slow_enough(run, simulator, redis_server):
    counts = run([[0], [0]], seconds=20, market_seconds=0.85, others_calls=7)
    assert counts["rejected"] == 1
    learnt, slowdown = read_pace(redis_server.client(), limit_name("kraken", simulator.exchange_url("kraken")))
    assert learnt.slowdown == STEP
    assert STEP - 0.05 < slowdown <= STEP
    assert counts["accepted"] >= 14 + 8
