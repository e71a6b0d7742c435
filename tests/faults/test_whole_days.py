"""Faults of a whole day: candles that an exchange publishes late or hides for a while, and trades without ids."""

from __future__ import annotations

from dataclasses import asdict

import pytest

from candle_ingest.candles.window import DAY_MS, Window
from candle_ingest.errors import IncompleteError
from tests.faults.conftest import LONG, NOW_MS
from tests.faults.difference import Difference
from tests.faults.fault import Outcome
from tests.faults.market_faults import HOUR_MS, happening
from tests.faults.report import Evidence
from tests.faults.world import MINUTE_MS
from tests.integration.steps import run_steps, truth

pytestmark = pytest.mark.integration
DAY = Window(NOW_MS - 60_000 - DAY_MS, NOW_MS - 60_000)
CLOSED_MS = DAY.end_ms + 2 * HOUR_MS
HIDDEN_FROM = 10
ROWS = (
    ("a candle in each hour is published late", 1, ("binance", "bitstamp", "htx")),
    ("no candles for half of each hour", 30, ("binance", "coinbaseexchange", "kucoin")),
)
TRIES = [(name, minutes, exchange) for name, minutes, all_of in ROWS for exchange in (all_of if LONG else all_of[:1])]


@pytest.fixture
def at(world):
    """Set the clock of tasks and exchanges until the end of the test."""

    def at(now_ms: int) -> None:
        world.now_ms = now_ms
        world.simulator.set_clock(now_ms)

    yield at
    at(NOW_MS)


@pytest.mark.parametrize(("name", "minutes", "exchange"), TRIES)
def test_a_later_look_finds_candles_published_late(name, minutes, exchange, world, bucket, evidence, at):
    world.begin(exchange, bucket)
    at(CLOSED_MS)
    with happening("hidden", minute=HIDDEN_FROM, minutes=minutes)(world, None):
        broken = world.attempt(DAY, DAY.start_ms)
        silent = world.difference(DAY)
    at(CLOSED_MS + HOUR_MS + 1)
    repair = run_steps(world.settings, "repair", None, world.now_ms, origin_ms=DAY.start_ms)
    found = _add_evidence(world, DAY, evidence, name, "simulator, `hidden`", Outcome.OPEN.value)
    assert [type(error) for error in broken.errors] == [IncompleteError]
    assert silent == Difference(lost=2 * _hidden_candles(exchange, minutes), duplicated=0, wrong=0)
    assert repair.failed == {}
    assert found == Difference(0, 0, 0)


def test_trades_without_ids_lose_no_candle(world, bucket, evidence, at):
    world.begin("kraken", bucket)
    at(CLOSED_MS)
    world.simulator.set_fault("kraken", "zero_ids", path="Trades")
    day = Window(DAY.start_ms - DAY_MS, DAY.end_ms - DAY_MS)
    assert world.attempt(day, day.start_ms).errors == []
    found = _add_evidence(world, day, evidence, "trades without ids", "simulator, `zero_ids`", Outcome.UNAFFECTED.value)
    assert found == Difference(0, 0, 0)


def _hidden_candles(exchange: str, minutes: int) -> int:
    """Count the candles in the hidden minutes of each hour; some exchanges have none for a quiet minute."""
    hidden = range(HIDDEN_FROM, HIDDEN_FROM + minutes)
    return sum(row[0] // MINUTE_MS % 60 in hidden for row in truth(exchange, DAY))


def _add_evidence(world, day, evidence, name: str, injected: str, outcome: str) -> Difference:
    found = world.difference(day)
    evidence.append(Evidence(area="Exchange", name=name, injected=injected, outcome=outcome, said="", **asdict(found)))
    return found
