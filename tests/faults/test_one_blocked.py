"""An exchange that blocks this address, or refuses its key, does not stop the run for the others."""

from __future__ import annotations

import json
import re
from dataclasses import asdict

import pytest

from candle_ingest.candles.window import HOUR_MS, Window
from candle_ingest.settings import PipelineSettings
from tests.faults.conftest import NOW_MS
from tests.faults.difference import Difference, difference
from tests.faults.exchange_faults import CANDLES
from tests.faults.fault import Outcome
from tests.faults.report import Evidence
from tests.faults.world import SYMBOLS_KEY, Attempt, World
from tests.integration.steps import merged_truth, stored, truth

pytestmark = pytest.mark.integration
OTHERS = ("coinbaseexchange", "htx")
PAIRS = ("BTC/USD", "ETH/USD")
WINDOW = Window(NOW_MS - 60_000 - 3 * HOUR_MS, NOW_MS - 60_000 - HOUR_MS)
REGION, KEY = "refuses this country or address", "Check key and secret in the connection"
BLOCKED = (
    ("binance", "451", REGION),
    ("bybit", "10009", REGION),
    ("kucoin", "400302", REGION),
    ("okx", "50111", KEY),
    ("kraken", "EAPI:Invalid key", KEY),
)


@pytest.fixture(params=BLOCKED, ids=lambda blocked: f"{blocked[0]}-{blocked[1]}")
def blocked(request, world, bucket) -> tuple[str, str, str]:
    """Set up two symbols on three exchanges, of which two are enough; return the refusing one with its error."""
    exchange, error, says = request.param
    world.begin(exchange, bucket)
    world.redis.address.client().set(SYMBOLS_KEY, json.dumps(PAIRS))
    world.settings = PipelineSettings(
        **{**world.settings.model_dump(), "exchanges": (exchange, *OTHERS), "min_exchanges_required": len(OTHERS)}
    )
    return exchange, error, says


def found_difference(world: World, exchanges: tuple[str, ...], merged_of: tuple[str, ...]) -> Difference:
    """Compare the candles of these exchanges, and the merged ones, with the truth."""
    bucket, total = world.settings.influxdb_bucket, Difference(0, 0, 0)
    for pair in PAIRS:
        for exchange in exchanges:
            total += difference(
                truth(exchange, WINDOW, pair), stored(bucket, "exchange_candles", pair, exchange, WINDOW)
            )
        merged = merged_truth(merged_of, WINDOW, pair, par=True)
        total += difference(merged, stored(bucket, "candles", pair, window=WINDOW))
    return total


def add_evidence(evidence: list[Evidence], name: str, said: str, found: Difference) -> None:
    evidence.append(
        Evidence(
            area="Exchange", name=name, injected="simulator, `error`", said=said,
            outcome=f"{Outcome.UNAFFECTED.value} for the others", **asdict(found),
        )
    )  # fmt: skip
    assert found == Difference(0, 0, 0)


def said(attempt: Attempt, log: str, says: str) -> str:
    """Return the line that names the refusal."""
    return next(line for line in [*attempt.text.splitlines(), *log.splitlines()] if re.search(says, line))


@pytest.mark.parametrize("what", ["candles", "everything"])
def test_the_others_continue_and_the_blocked_one_is_fetched_later(blocked, what, world, caplog, evidence):
    exchange, error, says = blocked
    path = CANDLES[exchange] if what == "candles" else ""
    world.simulator.set_fault(exchange, "error", error=error, path=path)
    attempt = world.attempt(WINDOW, WINDOW.start_ms)
    line = said(attempt, caplog.text, says)
    assert found_difference(world, OTHERS, OTHERS) == Difference(0, 0, 0)
    world.restore()
    assert world.attempt(WINDOW, WINDOW.start_ms).errors == []
    all_three = (exchange, *OTHERS)
    add_evidence(
        evidence,
        f"{exchange} refuses {what} with {error}, two others do not",
        line,
        found_difference(world, all_three, all_three),
    )
