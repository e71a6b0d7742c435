"""What exchanges do with candles and not with requests: caches, empty pages, odd rows."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from candle_ingest.candles.window import HOUR_MS
from dev.exchange_simulator.market_events import MarketEvent
from tests.faults.exchange_faults import simulated
from tests.faults.fault import Fault, Under
from tests.faults.world import MINUTE_MS, World

# Where the lists of markets are. Of coinbase and coinbaseexchange that is within the path of the candles.
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
    """Let something happen to some minutes of each hour of the day, as long as the block lasts."""

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


def with_markets_asked(kind: str, **details: Any):
    """Switch a fault of the simulator on for whatever is asked, with the list of markets not in the cache."""

    @contextmanager
    def switch_on(world: World, count: int | None) -> Iterator[None]:
        client = world.redis.address.client()
        client.delete(*client.scan_iter("candle_ingest:markets:*"))
        world.simulator.set_fault(world.exchange, kind, count=count, **details)
        yield
        world.simulator.clear_faults()

    return switch_on


def list_refused(status: int):
    """Refuse the list of markets alone; the last one known, which has become too old, is still in the cache."""

    @contextmanager
    def switch_on(world: World, count: int | None) -> Iterator[None]:
        client = world.redis.address.client()
        assert client.delete(*client.scan_iter("candle_ingest:markets:*:fresh")) == 1
        world.simulator.set_fault(world.exchange, "status", status=status, path=LISTS[world.exchange], count=count)
        yield
        world.simulator.clear_faults()

    return switch_on


def _fault(name: str, injected: str, says: str, switch_on: Any, **more: Any) -> Fault:
    values = {"under": Under.UNHARMED, "exchanges": ("binance",), **more}
    return Fault(area="Exchange", name=name, injected=injected, says=says, switch_on=switch_on, **values)


MARKET_FAULTS = (
    _fault("one page in five is empty", "simulator, `empty` by chance", "",
           simulated("empty", chance=0.2, seed=11), exchanges=("coinbaseexchange", "binance", "kucoin")),
    _fault("candles 14.789 s off the minute", "simulator, `off_grid`", "",
           happening("off_grid", minute=0, minutes=60, shift_ms=14_789)),
    _fault("a time twice with different values, the last one right", "simulator, `double_row`", "",
           happening("double_row"), exchanges=("bitstamp",)),
    _fault("a closed candle that says it is unfinished", "simulator, `unconfirmed`", "unfinished|not finished|closed",
           happening("unconfirmed"), under=Under.OPEN, exchanges=("okx", "gate")),
    _fault("a page from a cache, made before its candles were closed", "simulator, `aged`",
           "the answer was made at .* when .* was still to come", simulated("aged", seconds=12 * 3600),
           under=Under.RETRIED, once=Under.HEALED, exchanges=("coinbaseexchange", "binance")),
    _fault("dark pools in the list of markets", "simulator, `dark_pools`", "", with_markets_asked("dark_pools"),
           exchanges=("kraken",)),
    _fault("the list of margin pairs fails alone", "simulator, HTTP 500", "",
           with_markets_asked("status", status=500, path="margin"), exchanges=("gate",)),
    _fault("HTTP 503 for the list of markets, the last one known in the cache", "simulator",
           "its list of markets cannot be read, the last one known is used: .*503", list_refused(503),
           once=Under.UNHARMED, exchanges=tuple(LISTS)),
    _fault("HTTP 451 for the list of markets, the last one known in the cache", "simulator",
           "its list of markets cannot be read, the last one known is used: .*refuses this country or address",
           list_refused(451), once=Under.UNHARMED, exchanges=tuple(LISTS)),
    _fault("rows before the window", "simulator, `earlier`", "", simulated("earlier"), once=Under.UNHARMED,
           exchanges=("bitstamp", "coinbase", "coinbaseexchange")),
    _fault("one row that is wrong alone", "simulator, `wrong_row`", "prices not ordered",
           happening("wrong_row", row="high_below_low"), under=Under.OPEN, exchanges=("binance", "kucoin", "htx")),
)  # fmt: skip
