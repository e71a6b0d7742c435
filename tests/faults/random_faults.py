"""Faults for a long run, chosen at random from a seed that is printed."""

from __future__ import annotations

import json
import os
import random
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from urllib.parse import urlsplit

import psutil

from dev.exchange_simulator.process import SimulatorProcess
from tests.faults.influxdb_proxy import InfluxdbProxy, Rule
from tests.faults.servers import FaultInfluxdb, FaultRedis
from tests.faults.world import SYMBOLS_KEY
from tests.integration.servers.airflow_instance import AirflowInstance

WRITE, QUERY = "/api/v2/write", "/api/v2/query"


@dataclass(frozen=True, kw_only=True)
class Servers:
    """Everything that can break while Airflow runs."""

    simulator: SimulatorProcess
    redis: FaultRedis
    influxdb: FaultInfluxdb
    proxy: InfluxdbProxy
    airflow: AirflowInstance
    exchanges: tuple[str, ...]
    tickers: tuple[str, ...]

    def list_symbols(self) -> None:
        """Set the list of symbols, as its owner does."""
        self.redis.address.client().set(SYMBOLS_KEY, json.dumps(self.tickers))


Break = Callable[[Servers, random.Random], AbstractContextManager[None]]


def _exchange(kind: str, **details: object) -> Break:
    @contextmanager
    def broken(servers: Servers, chance: random.Random) -> Iterator[None]:
        servers.simulator.set_fault(chance.choice(servers.exchanges), kind, **details)
        yield
        servers.simulator.clear_faults()

    return broken


def _proxied(**details: object) -> Break:
    @contextmanager
    def broken(servers: Servers, chance: random.Random) -> Iterator[None]:
        servers.proxy.rules.append(Rule(**details))
        yield
        servers.proxy.rules.clear()

    return broken


@contextmanager
def _influxdb_is_killed(servers: Servers, chance: random.Random) -> Iterator[None]:
    servers.influxdb.kill()
    yield
    servers.influxdb.start()


@contextmanager
def _redis_is_killed(servers: Servers, chance: random.Random) -> Iterator[None]:
    servers.redis.kill()
    yield
    servers.redis.start()
    servers.list_symbols()


@contextmanager
def _redis_restarts(servers: Servers, chance: random.Random) -> Iterator[None]:
    servers.redis.kill()
    servers.redis.start()
    servers.list_symbols()
    yield


@contextmanager
def _a_task_is_killed(servers: Servers, chance: random.Random) -> Iterator[None]:
    """Kill the process of a task that is fetching; slow responses make sure that there is one."""
    servers.simulator.set_fault(chance.choice(servers.exchanges), "delay", seconds=5)
    deadline = time.monotonic() + 180
    while not (busy := processes_that_fetch(servers.airflow.running["scheduler"].pid, servers.simulator)):
        assert time.monotonic() < deadline, "no task is fetching"
        time.sleep(0.2)
    with suppress(ProcessLookupError):
        os.kill(chance.choice(busy), signal.SIGKILL)
    yield
    servers.simulator.clear_faults()


def processes_that_fetch(scheduler: int, simulator: SimulatorProcess) -> list[int]:
    """Return the processes below the scheduler that talk to the simulated exchange."""
    port, found = urlsplit(simulator.url).port, []
    for process in psutil.Process(scheduler).children(recursive=True):
        with suppress(psutil.Error):
            if any(c.raddr and c.raddr.port == port for c in process.net_connections("tcp")):
                found.append(process.pid)
    return found


RANDOM_FAULTS: dict[str, Break] = {
    "an exchange answers 503": _exchange("status", status=503),
    "an exchange answers 429 with Retry-After": _exchange("status", status=429, headers={"Retry-After": "2"}),
    "an exchange answers 451": _exchange("status", status=451),
    "an exchange resets connections": _exchange("reset"),
    "an exchange sends half a body": _exchange("truncate"),
    "an exchange sends HTML": _exchange("body", body="html"),
    "an exchange sends NaN": _exchange("nan"),
    "an exchange sends rows twice": _exchange("duplicate"),
    "an exchange answers slowly": _exchange("delay", seconds=3),
    "InfluxDB answers writes with 503": _proxied(path=WRITE, status=503),
    "InfluxDB answers queries with 503": _proxied(path=QUERY, status=503),
    "InfluxDB's responses are lost after the write": _proxied(path=WRITE, lose_answer=True),
    "InfluxDB is killed and restarted later": _influxdb_is_killed,
    "Redis is killed and restarted later": _redis_is_killed,
    "Redis is restarted at once, with all keys lost": _redis_restarts,
    "a task's process is killed": _a_task_is_killed,
}
