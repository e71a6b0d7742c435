"""Unmodified ccxt, pointed at a simulator process."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import ccxt

from dev.exchange_simulator.coins import utc_ms
from dev.exchange_simulator.process import SimulatorProcess

# Half a minute into a minute of a day without outages at this hour.
NOW_MS = utc_ms("2024-05-02") + 5 * 3_600_000 + 30_000
SPOT_ONLY: dict[str, dict[str, Any]] = {
    "binance": {"fetchMarkets": {"types": ["spot"]}},
    "kucoin": {"fetchMarkets": {"types": ["spot"], "fetchTickersFees": False}},
    "htx": {"fetchMarkets": {"types": {"spot": True, "linear": False, "inverse": False}}},
    "okx": {"fetchMarkets": {"types": ["spot"]}},
    "bybit": {"fetchMarkets": {"types": ["spot"]}},
    "gate": {"fetchMarkets": {"types": ["spot"]}},
}
# Exchanges whose list of currencies is served; for the others, ccxt is configured not to request one.
WITH_CURRENCIES = ("binance", "coinbaseexchange", "kraken", "kucoin", "htx")
Connect = Callable[[str], Any]


def redirect(api: Any, base: str) -> Any:
    """Return the URLs moved below the base, each with its own path."""
    if isinstance(api, dict):
        return {name: redirect(value, base) for name, value in api.items()}
    return base + urlsplit(api.replace("{hostname}", "hostname")).path


def connect_ccxt(simulator: SimulatorProcess, exchange_id: str) -> Any:
    config: dict[str, Any] = {"enableRateLimit": False, "options": SPOT_ONLY.get(exchange_id, {})}
    if exchange_id not in WITH_CURRENCIES:
        config["has"] = {"fetchCurrencies": False}
    exchange = getattr(ccxt, exchange_id)(config)
    exchange.urls["api"] = redirect(exchange.urls["api"], simulator.exchange_url(exchange_id))
    exchange.timeout = 60_000
    return exchange
