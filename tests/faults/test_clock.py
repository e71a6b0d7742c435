"""The machine's clock is an hour fast or slow: a candle still open by the exchange's clock is never stored."""

from __future__ import annotations

import logging
import re
from dataclasses import asdict

import pytest

from candle_ingest.candles.window import HOUR_MS, MINUTE_MS, Window
from candle_ingest.connections import connect_influxdb
from candle_ingest.errors import TemporaryError
from candle_ingest.ledger.day_records import DayRecords
from candle_ingest.ledger.minute_state import SETTLED
from candle_ingest.store.bucket import InfluxBucket
from tests.faults.conftest import LONG, NOW_MS
from tests.faults.exchange_faults import FIVE
from tests.faults.fault import Outcome
from tests.faults.report import Evidence
from tests.faults.world import Attempt, Difference, World
from tests.integration.steps import watermarks

pytestmark = pytest.mark.integration
# By the exchanges' clock, 00:01 has begun; the window of the run ends an hour later.
CLOSED = Window(NOW_MS - 2 * HOUR_MS, NOW_MS)
AHEAD = Window(CLOSED.start_ms, CLOSED.end_ms + HOUR_MS)
KINDS = {"backfill": {}, "catch_up": {"start": "2026-03-10T22:01Z"}}
# What the message tells the user to do.
CLOCK = "synchronise this machine"


@pytest.fixture
def clock(world, monkeypatch):
    """Set the machine's clock and the exchanges'."""

    def set_to(here_ms: int, there_ms: int) -> None:
        monkeypatch.setattr(world, "now_ms", here_ms)
        world.simulator.set_clock(there_ms)

    yield set_to
    world.simulator.set_clock(NOW_MS)


def answered_up_to(world: World) -> int:
    """Return the end of the last minute that a record calls settled."""
    with InfluxBucket(connect_influxdb(), world.settings.influxdb_bucket) as bucket:
        records = DayRecords(bucket).read(AHEAD).values()
        return max(w.end_ms for record in records for w in record.windows_of(SETTLED))


def run(world: World, kind: str) -> Attempt:
    world.end_pauses()
    return world.attempt(AHEAD, AHEAD.start_ms, kind, **KINDS[kind])


def add_evidence(evidence, name: str, injected: str, outcome: str, said: str, found: Difference) -> None:
    evidence.append(Evidence(area="Clock", name=name, injected=injected, outcome=outcome, said=said, **asdict(found)))
    assert found == Difference(0, 0, 0)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("exchange", FIVE if LONG else ("binance",))
def test_an_hour_ahead_stores_nothing_that_is_still_to_come(exchange, kind, world, bucket, clock, caplog, evidence):
    caplog.set_level(logging.INFO, "candle_ingest")
    world.begin(exchange, bucket)
    assert world.attempt(CLOSED, CLOSED.start_ms).errors == []
    clock(NOW_MS + HOUR_MS, NOW_MS + 30_000)
    broken = run(world, kind)
    assert isinstance(broken.errors[0], TemporaryError)
    said = next(line for line in broken.text.splitlines() if re.search(f"{CLOCK}|do not cover the window", line))
    assert world.difference(CLOSED) == Difference(0, 0, 0)
    assert answered_up_to(world) <= CLOSED.end_ms
    assert set(watermarks(world.settings.influxdb_bucket, "btcusd-backfill", "btcusd-catch_up").values()) == {
        CLOSED.end_ms - MINUTE_MS
    }
    clock(NOW_MS + HOUR_MS, NOW_MS + HOUR_MS)
    assert run(world, kind).errors == []
    found = world.difference(AHEAD)
    add_evidence(evidence, f"an hour ahead, {kind}", "the run's clock", Outcome.RETRIED.value, said, found)


@pytest.mark.parametrize("exchange", FIVE if LONG else ("binance",))
def test_an_hour_behind_catch_up_stores_what_is_closed_by_its_own_clock(exchange, world, bucket, clock, evidence):
    world.begin(exchange, bucket)
    clock(NOW_MS, NOW_MS + HOUR_MS)
    assert run(world, "catch_up").errors == []
    assert world.difference(CLOSED) == Difference(0, 0, 0)
    clock(NOW_MS + HOUR_MS, NOW_MS + HOUR_MS)
    assert run(world, "catch_up").errors == []
    found, outcome = world.difference(AHEAD), "continues, with closed candles only"
    add_evidence(evidence, "an hour behind, catch_up", "the run's clock", outcome, "", found)


@pytest.mark.parametrize("exchange", FIVE if LONG else ("binance",))
def test_an_hour_behind_a_backfill_fails_instead_of_shortening_its_interval(exchange, world, bucket, clock, evidence):
    world.begin(exchange, bucket)
    clock(NOW_MS, NOW_MS + HOUR_MS)
    broken = run(world, "backfill")
    assert isinstance(broken.errors[0], TemporaryError)
    assert re.search(CLOCK, broken.text)
    assert world.watermark_ms() is None
    clock(NOW_MS + HOUR_MS, NOW_MS + HOUR_MS)
    assert run(world, "backfill").errors == []
    assert world.watermark_ms() == AHEAD.end_ms - MINUTE_MS
    found, said = world.difference(AHEAD), broken.text.splitlines()[0]
    add_evidence(evidence, "an hour behind, backfill", "the run's clock", Outcome.RETRIED.value, said, found)
