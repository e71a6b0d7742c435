"""Inject each fault of the tables during a run, then repeat the run: nothing is lost, duplicated or wrong."""

from __future__ import annotations

import logging
import re
from dataclasses import asdict

import pytest

from candle_ingest.candles.window import HOUR_MS, Window
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


def groups() -> list[tuple[Fault, ...]]:
    """Return the faults that one repeated run ends: in the long form one each.

    In the short form, of the error codes of one exchange, only the first is alone, and also fails just once.
    """
    if LONG:
        return [(fault,) for fault in FAULTS]
    codes = {fault.exchanges: [one for one in REFUSAL_FAULTS if one.exchanges == fault.exchanges] for fault in FAULTS}
    alone = [(fault,) for fault in FAULTS if fault not in codes[fault.exchanges][1:]]
    return [*alone, *(tuple(others) for _, *others in filter(None, codes.values()) if others)]


def hourly_counts(fault: Fault) -> list[tuple[int | None, ...]]:
    """Return how many requests fail (None: all), and again in the same hour: if the first leaves all of it to fetch."""
    if fault.outcome_once is None:
        return [(None,)]
    leaves_all = fault.outcome in (Outcome.RETRIED, Outcome.AT_ONCE)
    return [(None, 1)] if leaves_all and not LONG else [(None,), (1,)]


def tries() -> list:
    """Return the faults with an exchange, an hour and how many requests fail.

    In the short form, with one exchange each.
    """
    found = []
    for faults in groups():
        for exchange in faults[0].exchanges if LONG else faults[0].exchanges[:1]:
            # Kraken's responses end at the present, midnight, and the simulator breaks the row in the middle of one.
            hour = 22 if exchange == "kraken" and faults[0] not in REFUSAL_FAULTS else 14
            counts = hourly_counts(faults[0]) if len(faults) == 1 else [(None,)]
            name = f"{faults[0]}-{exchange}" + ("-and-others" if len(faults) > 1 else "")
            found.append(pytest.param(faults, exchange, hour, counts, id=name))
    return found


@pytest.mark.parametrize(("faults", "exchange", "hour", "counts"), tries())
def test_after_the_fault_the_store_equals_the_truth(faults, exchange, hour, counts, world, bucket, caplog, evidence):
    caplog.set_level(logging.INFO, "candle_ingest")
    for in_turn in counts:
        before = world.begin_whole(exchange, f"{bucket}_{in_turn[0] or 'all'}", hours(hour, hour + 1))
        asked = Window(before.end_ms - HOUR_MS, before.end_ms + HOUR_MS)
        after = Window(before.start_ms, asked.end_ms)
        said = [
            (fault, _said_during(fault, world, count, asked, after, caplog)) for fault in faults for count in in_turn
        ]
        _repeat(world, asked, after.start_ms)
        found = world.difference(after)
        evidence += [
            Evidence(
                area=fault.area, name=fault.name, injected=fault.injected, outcome=fault.outcome.value, said=text,
                **asdict(found),
            )
            for fault, text in said
        ]  # fmt: skip
        assert found == Difference(0, 0, 0)
        if not LONG:
            world.end_whole(after)


def _said_during(
    fault: Fault, world: World, count: int | None, asked: Window, after: Window, caplog: pytest.LogCaptureFixture
) -> str:
    """Run while the fault lasts, check outcome and store, and return what reported the fault."""
    caplog.clear()
    world.end_pauses()
    with fault.switch_on(world, count):
        broken = world.attempt(asked, after.start_ms)
    world.restore()
    expected = fault.outcome if count is None else fault.outcome_once
    assert expected is not None
    _check_outcome(broken, expected)
    said = _said(fault, broken, caplog.text) if count is None else ""
    check_store_during_fault(world, after)
    return said


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


def _repeat(world: World, window: Window, origin_ms: int) -> None:
    world.end_pauses()
    world.connect()
    again = world.attempt(window, origin_ms)
    assert again.errors == [], again.text
    assert world.watermark_ms() == window.end_ms - 60_000
