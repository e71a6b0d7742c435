"""Each fault of the tables, while a run works; then the same run without it: nothing lost, doubled or wrong."""

from __future__ import annotations

import logging
import re

import pytest

from candle_ingest.candles.window import HOUR_MS, Window
from candle_ingest.errors import IncompleteError, PermanentError, TemporaryError
from tests.faults.conftest import LONG, NOW_MS
from tests.faults.exchange_faults import EXCHANGE_FAULTS
from tests.faults.fault import Fault, Under
from tests.faults.influxdb_faults import INFLUXDB_FAULTS
from tests.faults.market_faults import MARKET_FAULTS
from tests.faults.redis_faults import REDIS_FAULTS
from tests.faults.refusal_faults import REFUSAL_FAULTS
from tests.faults.report import Evidence
from tests.faults.world import Attempt, Difference, World

pytestmark = pytest.mark.integration
DAY_START_MS = NOW_MS - 60_000 - 24 * HOUR_MS
FAULTS = (*EXCHANGE_FAULTS, *REFUSAL_FAULTS, *MARKET_FAULTS, *INFLUXDB_FAULTS, *REDIS_FAULTS)


def tries() -> list:
    """Return each fault with an exchange and an hour: one exchange in the short form, all of them in the long form."""
    found = []
    for fault in FAULTS:
        for exchange in fault.exchanges if LONG else fault.exchanges[:1]:
            # Kraken answers up to now, midnight, and the simulator breaks the row in the middle of an answer.
            hour = 22 if exchange == "kraken" else 14
            found.append(pytest.param(fault, exchange, hour, id=f"{fault}-{exchange}"))
    return found


def hours(first: int, last: int) -> Window:
    return Window(DAY_START_MS + first * HOUR_MS, DAY_START_MS + last * HOUR_MS)


@pytest.mark.parametrize(("fault", "exchange", "hour"), tries())
def test_after_the_fault_the_store_equals_the_truth(fault, exchange, hour, world, bucket, caplog, evidence):
    caplog.set_level(logging.INFO, "candle_ingest")
    for count, expected in ((None, fault.under), (1, fault.once)):
        if expected is None:
            continue
        world.begin(exchange, f"{bucket}_{count or 'all'}")
        origin_ms = hours(hour, hour).start_ms
        assert world.attempt(hours(hour, hour + 1), origin_ms).errors == []
        caplog.clear()
        both = hours(hour, hour + 2)
        with fault.switch_on(world, count):
            broken = world.attempt(both, origin_ms)
        world.mend()
        _check_outcome(broken, expected)
        said = _said(fault, broken, caplog.text) if count is None else ""
        _check_store_is_honest(world, both)
        found = _repeat_and_compare(world, both, origin_ms, caplog)
        evidence.append(
            Evidence(
                area=fault.area, name=fault.name, injected=fault.injected, under=fault.under.value, said=said,
                lost=found.lost, doubled=found.doubled, wrong=found.wrong,
            )
        )  # fmt: skip
        assert found == Difference(0, 0, 0)


def _check_outcome(broken: Attempt, expected: Under) -> None:
    if expected in (Under.HEALED, Under.UNHARMED):
        assert broken.errors == []
        return
    assert broken.errors, "the fault went unnoticed"
    if expected is Under.OPEN:
        assert isinstance(broken.errors[0], IncompleteError), repr(broken.errors[0])
        return
    wanted = TemporaryError if expected is Under.RETRIED else PermanentError
    assert isinstance(broken.errors[0], wanted), repr(broken.errors[0])


def _said(fault: Fault, broken: Attempt, log: str) -> str:
    """The line that tells of the fault."""
    lines = [*broken.text.splitlines(), *log.splitlines()]
    found = next((line for line in lines if re.search(fault.says, line)), None)
    assert found is not None, f"nothing says {fault.says!r} in:\n{broken.text}\n{log}"
    return found if fault.says else ""


def _check_store_is_honest(world: World, window: Window) -> None:
    """While the fault lasted: what is stored is true, and the watermark has not run ahead."""
    meanwhile = world.difference(window)
    assert (meanwhile.doubled, meanwhile.wrong) == (0, 0)
    assert (world.watermark_ms() or 0) <= world.merged_up_to(window)


def _repeat_and_compare(world: World, window: Window, origin_ms: int, caplog: pytest.LogCaptureFixture) -> Difference:
    world.time_passes()
    world.connect()
    again = world.attempt(window, origin_ms)
    assert again.errors == [], again.text
    assert world.watermark_ms() == window.end_ms - 60_000
    return world.difference(window)
