"""Kraken limits calls by address and by pair: processes fetch several pairs at once, as Airflow's workers do."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from typing import Any
from urllib.request import urlopen

import pytest

from candle_ingest.candles.window import HOUR_MS, Window
from candle_ingest.fetching.fetch_candles import fetch_candles
from candle_ingest.ledger.task_instance_ref import TaskInstanceRef
from candle_ingest.merging.aggregate_and_write import aggregate_and_write
from candle_ingest.planning.fetch_batch import FetchBatch, split_batches
from candle_ingest.planning.plan import Plan
from candle_ingest.planning.read_symbols import read_symbols
from candle_ingest.planning.run import Run, make_run
from candle_ingest.planning.validate_symbols import validate_symbols
from candle_ingest.settings import PipelineSettings
from dev.exchange_simulator.process import SimulatorProcess
from tests.faults.conftest import NOW_MS
from tests.faults.difference import Difference, difference
from tests.faults.fault import Outcome
from tests.faults.report import Evidence
from tests.faults.world import SYMBOLS_KEY, World
from tests.integration.servers.processes import process_pool
from tests.integration.steps import stored, truth

pytestmark = pytest.mark.integration
PAIRS = ("BTC/USD", "ETH/USD", "SOL/USD")
# Older than the last 720 candles, so the candles are built from trades, with several calls for each pair.
WINDOW = Window(NOW_MS - 60_000 - 30 * HOUR_MS, NOW_MS - 60_000 - 24 * HOUR_MS)


@dataclass(frozen=True)
class Fetch:
    """One fetch in a separate process; calling it returns its summary."""

    settings: PipelineSettings
    run_id: str
    batch: dict[str, Any]

    def __call__(self) -> dict[str, Any]:
        return fetch_candles(run_of(self.settings, self.run_id), FetchBatch.from_xcom(self.batch))


def run_of(settings: PipelineSettings, run_id: str) -> Run:
    recorder = TaskInstanceRef(dag_id="candle_backfill", run_id=run_id)
    return make_run(settings, "backfill", {}, WINDOW, WINDOW.start_ms, NOW_MS, recorder)


@pytest.fixture(scope="module")
def strict_simulator() -> Iterator[SimulatorProcess]:
    with SimulatorProcess(now_ms=NOW_MS) as simulator:
        yield simulator


@pytest.fixture
def strict_world(world, strict_simulator, bucket) -> World:
    """The world with exchanges that enforce their limits, and three symbols."""
    strict = replace(world, simulator=strict_simulator)
    strict.begin("kraken", bucket)
    strict.redis.address.client().set(SYMBOLS_KEY, json.dumps(PAIRS))
    return strict


def fetch_all_at_once(world: World, processes: int) -> None:
    """Run the steps; two runs fetch the same pairs at the same time, each pair in a separate process."""
    run = run_of(world.settings, "first")
    plan = validate_symbols(run, read_symbols(run))
    batches = [batch.to_xcom() for batch in split_batches(plan.batches, 1024, 1)]
    fetches = [Fetch(world.settings, run_id, batch) for batch in batches for run_id in ("first", "second")]
    with process_pool(processes) as pool:
        summaries = [done.result() for done in [pool.submit(fetch) for fetch in fetches]]
    whole = Plan.from_xcom(plan.to_xcom(), [{"batch": batch} for batch in batches])
    aggregate_and_write(run, whole, summaries)


def found_difference(world: World) -> Difference:
    """Compare the candles of all pairs with the truth: built from trades, a minute without trades has no candle."""
    total = Difference(0, 0, 0)
    for pair in PAIRS:
        own = [row for row in truth("kraken", WINDOW, pair) if row[5] > 0]
        rows = stored(world.settings.influxdb_bucket, "exchange_candles", pair, "kraken")
        total += difference(own, [row for row in rows if WINDOW.start_ms <= row[0] < WINDOW.end_ms])
    return total


def calls(world: World) -> Counter[str]:
    return Counter(world.simulator.requests().get("kraken", {}).get("/0/public/Trades", {}))


def add_evidence(evidence: list[Evidence], name: str, injected: str, outcome: Outcome, found: Difference) -> None:
    evidence.append(
        Evidence(area="Exchange", name=name, injected=injected, outcome=outcome.value, said="", **asdict(found))
    )
    assert found == Difference(0, 0, 0)


@contextmanager
def another_program(world: World) -> Iterator[None]:
    """Exhaust the limit of BTC/USD from the same address, until one of the requests for trades is refused."""
    url = f"{world.simulator.exchange_url('kraken')}/0/public/OHLC?pair=XXBTZUSD&interval=5"
    exhausted, over = threading.Event(), threading.Event()

    def send_requests() -> None:
        while not over.is_set() and not calls(world)["rejected"]:
            with urlopen(url, timeout=10) as answer:
                if b"Too many requests" in answer.read():
                    exhausted.set()
            # Below the limit by address, which is five a second.
            time.sleep(0.3)

    thread = threading.Thread(target=send_requests)
    thread.start()
    try:
        assert exhausted.wait(60)
        yield
    finally:
        over.set()
        thread.join()


def test_pairs_in_many_processes_are_fetched_without_a_refusal(strict_world, evidence):
    strict_world.simulator.reset_requests()
    fetch_all_at_once(strict_world, len(PAIRS))
    assert calls(strict_world)["accepted"] >= 2 * len(PAIRS)
    assert calls(strict_world)["rejected"] == 0
    name, injected = "two runs fetch three pairs of kraken in three processes", "simulator, limits by address and pair"
    add_evidence(evidence, name, injected, Outcome.UNAFFECTED, found_difference(strict_world))


def test_a_pair_that_another_program_requests_too_is_refused_and_fetched_later(strict_world, evidence):
    strict_world.simulator.reset_requests()
    with another_program(strict_world):
        fetch_all_at_once(strict_world, 2)
    assert calls(strict_world)["rejected"] >= 1
    name, injected = "kraken refuses a pair while two processes fetch", "another program, until a request is refused"
    add_evidence(evidence, name, injected, Outcome.RECOVERED, found_difference(strict_world))
