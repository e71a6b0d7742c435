"""Fill the disk of a real InfluxDB while a run writes, then free it and restart InfluxDB.

The restart is needed: InfluxDB does not retry a shard that it could not open while the disk was full.
"""

from __future__ import annotations

from dataclasses import asdict, replace

import pytest

from candle_ingest.errors import TemporaryError
from tests.faults.during_fault import check_store_during_fault
from tests.faults.fault import Outcome
from tests.faults.hours import hours
from tests.faults.report import Evidence
from tests.faults.servers import FaultInfluxdb
from tests.faults.small_disk import FULL_DISK, filled, small_disk
from tests.faults.world import Difference

pytestmark = pytest.mark.integration
# More than fits into the rest of the file that InfluxDB is writing.
BEFORE, ALL = hours(0, 4), hours(0, 16)


@pytest.fixture
def disk(tmp_path):
    with small_disk(tmp_path / "disk") as folder:
        yield folder


@pytest.fixture
def full_world(world, disk):
    """The world with its InfluxDB on that disk."""
    influxdb = FaultInfluxdb(disk)
    influxdb.set_up()
    yield replace(world, influxdb=influxdb)
    influxdb.stop()


@pytest.mark.parametrize("how", ["stop", "kill"])
def test_after_a_full_disk_the_store_equals_the_truth(how, full_world, disk, bucket, evidence):
    world = full_world
    world.begin("binance", bucket)
    assert world.attempt(BEFORE, ALL.start_ms).errors == []
    with filled(disk):
        broken = world.attempt(ALL, ALL.start_ms)
        assert isinstance(broken.errors[0], TemporaryError)
        if how == "kill":
            world.influxdb.kill()
    world.influxdb.stop()
    world.influxdb.start()
    said = next(line for line in broken.text.splitlines() if "no space left on device" in line)
    check_store_during_fault(world, ALL)
    assert world.attempt(ALL, ALL.start_ms).errors == []
    assert world.watermark_ms() == ALL.end_ms - 60_000
    found = world.difference(ALL)
    name = FULL_DISK + (", and it is killed" if how == "kill" else "")
    evidence.append(
        Evidence(
            area="InfluxDB", name=name, injected="a filled tmpfs, then a restart", outcome=Outcome.RETRIED.value,
            said=said, **asdict(found),
        )
    )  # fmt: skip
    assert found == Difference(0, 0, 0)
