"""Faults in an exchange's data rather than in its responses: caches, empty pages, odd rows."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from candle_ingest.candles.window import HOUR_MS
from dev.exchange_simulator.market_events import MarketEvent
from tests.faults.exchange_faults import simulated
from tests.faults.fault import Fault, Outcome
from tests.faults.world import MINUTE_MS, World
from tests.integration.steps import forget_markets

# A part of each exchange's path for its list of markets. On coinbase and coinbaseexchange the path of the candles
# contains it, so a fault cannot be limited to the list.
LISTS = {
    "binance": "exchangeInfo",
    "kraken": "AssetPairs",
    "kucoin": "symbols",
    "htx": "symbols",
    "okx": "instruments",
    "bybit": "instruments",
    "bitstamp": "markets",
    "gate": "spot/currency_pairs",
}


def happening(kind: str, minute: int = 10, minutes: int = 1, **details: Any):
    """Add an event to the same minutes of each hour of the last day, until the end of the block."""

    @contextmanager
    def switch_on(world: World, count: int | None) -> Iterator[None]:
        midnight_ms = world.now_ms // (24 * HOUR_MS) * 24 * HOUR_MS
        starts = (midnight_ms - hour * HOUR_MS + minute * MINUTE_MS for hour in range(1, 25))
        world.simulator.add_events(
            MarketEvent(
                kind=kind, exchange=world.exchange, start_ms=start, end_ms=start + minutes * MINUTE_MS, **details
            )
            for start in starts
        )
        yield
        world.simulator.clear_events()

    return switch_on


def with_uncached_markets(kind: str, **details: Any):
    """Switch on a fault of the simulator for all requests, with no list of markets in the cache."""

    @contextmanager
    def switch_on(world: World, count: int | None) -> Iterator[None]:
        forget_markets(world.redis.address)
        world.simulator.set_fault(world.exchange, kind, count=count, **details)
        yield
        world.simulator.clear_faults()

    return switch_on


def list_refused(status: int):
    """Refuse only the list of markets; an outdated one is still in the cache."""

    @contextmanager
    def switch_on(world: World, count: int | None) -> Iterator[None]:
        client = world.redis.address.client()
        assert client.delete(*client.scan_iter(f"candle_ingest:markets:{world.exchange}:*:fresh")) == 1
        world.simulator.set_fault(world.exchange, "status", status=status, path=LISTS[world.exchange], count=count)
        yield
        world.simulator.clear_faults()

    return switch_on


def _fault(name: str, injected: str, says: str, switch_on: Any, **more: Any) -> Fault:
    values = {"outcome": Outcome.UNAFFECTED, "exchanges": ("binance",), **more}
    return Fault(area="Exchange", name=name, injected=injected, says=says, switch_on=switch_on, **values)


MARKET_FAULTS = (
    _fault("one page in five is empty", "simulator, `empty` by chance", "",
           simulated("empty", chance=0.2, seed=11), exchanges=("coinbaseexchange", "binance", "kucoin")),
    _fault("candles 14.789 s off the minute", "simulator, `off_grid`", "",
           happening("off_grid", minute=0, minutes=60, shift_ms=14_789)),
    _fault("the same time twice with different values, of which the last are right", "simulator, `double_row`", "",
           happening("double_row"), exchanges=("bitstamp",)),
    _fault("a closed candle marked as unfinished", "simulator, `unconfirmed`", "unfinished|not finished|closed",
           happening("unconfirmed"), outcome=Outcome.OPEN, exchanges=("okx", "gate")),
    _fault("a cached page from before its candles closed", "simulator, `aged`",
           "the answer was made at .* when .* was still to come", simulated("aged", seconds=12 * 3600),
           outcome=Outcome.RETRIED, outcome_once=Outcome.RECOVERED, exchanges=("coinbaseexchange", "binance")),
    _fault("dark pools in the list of markets", "simulator, `dark_pools`", "", with_uncached_markets("dark_pools"),
           exchanges=("kraken",)),
    _fault("only the list of margin pairs fails", "simulator, HTTP 500", "",
           with_uncached_markets("status", status=500, path="margin"), exchanges=("gate",)),
    _fault("HTTP 503 for the list of markets, with an older list in the cache", "simulator",
           "its list of markets cannot be read; using the cached one: .*503", list_refused(503),
           outcome_once=Outcome.UNAFFECTED, exchanges=tuple(LISTS)),
    _fault("HTTP 451 for the list of markets, with an older list in the cache", "simulator",
           "its list of markets cannot be read; using the cached one: .*refuses this country or address",
           list_refused(451), outcome_once=Outcome.UNAFFECTED, exchanges=tuple(LISTS)),
    _fault("rows before the window", "simulator, `earlier`", "", simulated("earlier"), outcome_once=Outcome.UNAFFECTED,
           exchanges=("bitstamp", "coinbase", "coinbaseexchange")),
    _fault("a single wrong row", "simulator, `wrong_row`", "prices not ordered",
           happening("wrong_row", row="high_below_low"), outcome=Outcome.OPEN, exchanges=("binance", "kucoin", "htx")),
)  # fmt: skip
