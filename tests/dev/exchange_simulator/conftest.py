"""One simulator process for each test module."""

from collections.abc import Iterator
from typing import Any

import pytest

from dev.exchange_simulator.process import SimulatorProcess
from tests.dev.exchange_simulator.ccxt_client import NOW_MS, Connect, connect_ccxt


@pytest.fixture(scope="module")
def simulator() -> Iterator[SimulatorProcess]:
    """One process for a test module, without limits, at a fixed moment."""
    with SimulatorProcess(limits=False, now_ms=NOW_MS) as process:
        yield process


@pytest.fixture(scope="module")
def connected(simulator: SimulatorProcess) -> Connect:
    """ccxt objects of the module's simulator, with their markets loaded once."""
    cache: dict[str, Any] = {}

    def connect(exchange_id: str) -> Any:
        if exchange_id not in cache:
            cache[exchange_id] = connect_ccxt(simulator, exchange_id)
            cache[exchange_id].load_markets()
        return cache[exchange_id]

    return connect
