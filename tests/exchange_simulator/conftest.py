"""Unmodified ccxt, pointed at a simulator process."""

from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import ccxt
import pytest

from include.exchange_simulator.coins import utc_ms
from include.exchange_simulator.process import SimulatorProcess

# Half a minute into a minute of a day without outages at this hour.
NOW_MS = utc_ms("2024-05-02") + 5 * 3_600_000 + 30_000
SPOT_ONLY: dict[str, dict[str, Any]] = {
    "binance": {"fetchMarkets": {"types": ["spot"]}},
    "kucoin": {"fetchMarkets": {"types": ["spot"], "fetchTickersFees": False}},
    "htx": {"fetchMarkets": {"types": {"spot": True, "linear": False, "inverse": False}}},
}
Connect = Callable[[str], Any]


def redirect(api: Any, base: str) -> Any:
    """Every URL below the base, each with its own path."""
    if isinstance(api, dict):
        return {name: redirect(value, base) for name, value in api.items()}
    return base + urlsplit(api.replace("{hostname}", "hostname")).path


def connect_ccxt(simulator: SimulatorProcess, exchange_id: str) -> Any:
    exchange = getattr(ccxt, exchange_id)({"enableRateLimit": False, "options": SPOT_ONLY.get(exchange_id, {})})
    exchange.urls["api"] = redirect(exchange.urls["api"], simulator.exchange_url(exchange_id))
    exchange.timeout = 10_000
    return exchange


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
