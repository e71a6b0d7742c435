"""Inject each fault of the tables during a run, then repeat the run: nothing is lost, duplicated or wrong."""

from __future__ import annotations

import logging
import re
from dataclasses import asdict

import pytest

from candle_ingest.candles.window import Window
from candle_ingest.errors import IncompleteError, PermanentError, TemporaryError
from tests.faults.conftest import LONG
from tests.faults.during_fault import check_store_during_fault
from tests.faults.exchange_faults import EXCHANGE_FAULTS
from tests.faults.fault import Fault, Outcome
from tests.faults.hours import hours
from tests.faults.influxdb_faults import INFLUXDB_FAULTS
from tests.faults.market_faults import MARKET_FAULTS
from tests.faults.redis_faults import REDIS_FAULTS
from tests.faults.refusal_faults import REFUSAL_FAULTS
from tests.faults.report import Evidence
from tests.faults.world import Attempt, Difference, World

pytestmark = pytest.mark.integration
FAULTS = (*EXCHANGE_FAULTS, *REFUSAL_FAULTS, *MARKET_FAULTS, *INFLUXDB_FAULTS, *REDIS_FAULTS)


def tries() -> list:
    """Return each fault with an exchange, an hour and how many requests fail (None: all).

    In the short form, with one exchange each; and of the error codes of one exchange, only one also fails just once.
    """
    found, refused = [], set()
    for fault in FAULTS:
        for exchange in fault.exchanges if LONG else fault.exchanges[:1]:
            # Kraken's responses end at the present, midnight, and the simulator breaks the row in the middle of one.
            hour = 22 if exchange == "kraken" else 14
            counts = (None,) if not LONG and fault in REFUSAL_FAULTS and exchange in refused else (None, 1)
            refused |= {exchange} if fault in REFUSAL_FAULTS else set()
            found.append(pytest.param(fault, exchange, hour, counts, id=f"{fault}-{exchange}"))
    return found


@pytest.mark.parametrize(("fault", "exchange", "hour", "counts"), tries())
def test_after_the_fault_the_store_equals_the_truth(fault, exchange, hour, counts, world, bucket, caplog, evidence):
    caplog.set_level(logging.INFO, "candle_ingest")
    for count in counts:
        expected = fault.outcome if count is None else fault.outcome_once
        if expected is None:
            continue
        world.begin(exchange, f"{bucket}_{count or 'all'}")
        origin_ms = hours(hour, hour).start_ms
        assert world.attempt(hours(hour, hour + 1), origin_ms).errors == []
        caplog.clear()
        both = hours(hour, hour + 2)
        with fault.switch_on(world, count):
            broken = world.attempt(both, origin_ms)
        world.restore()
        _check_outcome(broken, expected)
        said = _said(fault, broken, caplog.text) if count is None else ""
        check_store_during_fault(world, both)
        found = _repeat_and_compare(world, both, origin_ms, caplog)
        evidence.append(
            Evidence(
                area=fault.area, name=fault.name, injected=fault.injected, outcome=fault.outcome.value, said=said,
                **asdict(found),
            )
        )  # fmt: skip
        assert found == Difference(0, 0, 0)


def _check_outcome(broken: Attempt, expected: Outcome) -> None:
    if expected in (Outcome.RECOVERED, Outcome.UNAFFECTED):
        assert broken.errors == []
        return
    assert broken.errors, "the fault went unnoticed"
    if expected is Outcome.OPEN:
        assert isinstance(broken.errors[0], IncompleteError), repr(broken.errors[0])
        return
    wanted = TemporaryError if expected is Outcome.RETRIED else PermanentError
    assert isinstance(broken.errors[0], wanted), repr(broken.errors[0])


def _said(fault: Fault, broken: Attempt, log: str) -> str:
    """Return the first line of the errors or the log that reports the fault."""
    lines = [*broken.text.splitlines(), *log.splitlines()]
    found = next((line for line in lines if re.search(fault.says, line)), None)
    assert found is not None, f"nothing says {fault.says!r} in:\n{broken.text}\n{log}"
    return found if fault.says else ""


def _repeat_and_compare(world: World, window: Window, origin_ms: int, caplog: pytest.LogCaptureFixture) -> Difference:
    world.end_pauses()
    world.connect()
    again = world.attempt(window, origin_ms)
    assert again.errors == [], again.text
    assert world.watermark_ms() == window.end_ms - 60_000
    return world.difference(window)
