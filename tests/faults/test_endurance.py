"""Run catch-up under a real scheduler for twenty minutes or more while faults occur at random.

`CANDLE_ENDURANCE_MINUTES` sets the length; `CANDLE_ENDURANCE_SEED` repeats the faults of an earlier run.
"""

from __future__ import annotations

import logging
import os
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime

import pytest

from candle_ingest.candles.window import DAY_MS, MINUTE_MS, Window
from candle_ingest.connections import connect_influxdb
from candle_ingest.store.bucket import InfluxBucket
from dev.exchange_simulator.process import SimulatorProcess
from dev.local_stack.influxdb_server import InfluxdbServer
from dev.local_stack.ports import free_port
from tests.faults.difference import Difference, difference
from tests.faults.endurance_report import Endurance
from tests.faults.influxdb_proxy import InfluxdbProxy
from tests.faults.process_memory import Memory, measure
from tests.faults.random_faults import RANDOM_FAULTS, Servers
from tests.faults.servers import FaultInfluxdb, FaultRedis
from tests.integration.conftest import airflow_template  # noqa: F401 - a fixture
from tests.integration.servers.airflow_instance import AirflowInstance
from tests.integration.servers.environment import connection_variables
from tests.integration.steps import merged_truth, stored, truth, watermarks

logger = logging.getLogger(__name__)
MINUTES = float(os.environ.get("CANDLE_ENDURANCE_MINUTES") or 20)
pytestmark = [pytest.mark.integration, pytest.mark.timeout(MINUTES * 60 + 900)]
SEED = int(os.environ.get("CANDLE_ENDURANCE_SEED") or time.time())
EXCHANGES = ("binance", "coinbaseexchange", "kucoin")
PAIRS = {"btcusd": "BTC/USD", "ethusd": "ETH/USD", "solusd": "SOL/USD"}
BUCKET, CATCH_UP, REPAIR = "endurance", "candle_catch_up", "candle_repair"
# The share of the time without faults at the beginning, in which all processes do everything once.
WARM_UP_PART = 0.2
MAX_LAG_SECONDS = 5 * 60 + 60
QUIET_SECONDS = 200
# How much a main process may grow, and all processes on average: caches fill, and shared pages become private ones.
MAIN_MB, MEAN_MB = 60, 40
SETTINGS = {
    "CANDLE_INGEST_EXCHANGES": ",".join(EXCHANGES),
    "CANDLE_INGEST_QUOTE_CONVERSION": "par",
    "CANDLE_INGEST_BACKFILL_START_DATE": "skip",
    "CANDLE_INGEST_INFLUXDB_BUCKET": BUCKET,
    "CANDLE_INGEST_CATCH_UP_SCHEDULE": "* * * * *",
    "CANDLE_INGEST_REPAIR_SCHEDULE": "*/3 * * * *",
    "CANDLE_INGEST_CATCH_UP_INITIAL_DAYS": "1",
    "CANDLE_INGEST_TASK_RETRIES": "2",
    "CANDLE_INGEST_RETRY_DELAY_SECONDS": "2",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "20",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "5",
    "AIRFLOW__WORKERS__MIN_HEARTBEAT_INTERVAL": "2",
}


@pytest.fixture
def servers(airflow_template, tmp_path) -> Iterator[Servers]:  # noqa: F811
    redis, influxdb = FaultRedis(tmp_path / "redis"), FaultInfluxdb(tmp_path / "influxdb")
    try:
        redis.start()
        influxdb.set_up()
        with SimulatorProcess(port=free_port()) as simulator, InfluxdbProxy(influxdb.address.url) as proxy:
            seen = InfluxdbServer(url=proxy.url, token=influxdb.address.token, org=influxdb.address.org)
            settings = {**connection_variables(redis.address, seen, simulator), **SETTINGS}
            with (
                pytest.MonkeyPatch.context() as patch,
                AirflowInstance(airflow_template, tmp_path / "home", settings) as airflow,
            ):
                direct = connection_variables(redis.address, influxdb.address, simulator)
                for name, value in {**settings, **direct}.items():
                    patch.setenv(name, value)
                yield Servers(simulator=simulator, redis=redis, influxdb=influxdb, proxy=proxy, airflow=airflow,
                              exchanges=EXCHANGES, tickers=tuple(PAIRS))  # fmt: skip
    finally:
        redis.stop()
        influxdb.stop()


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def reached() -> dict[str, int]:
    """Return, by pair, the end of the newest candle that the watermark covers."""
    known = watermarks(BUCKET, *(f"{ticker}-catch_up" for ticker in PAIRS))
    return {pair: known.get(f"{ticker}-catch_up", -MINUTE_MS) + MINUTE_MS for ticker, pair in PAIRS.items()}


def check_last_hour(reached_ms: dict[str, int]) -> None:
    """Check that the watermark is not ahead: everything before it is stored and correct.

    Points after it may be incomplete: InfluxDB shows the fields of a point one by one.
    """
    for pair, end_ms in reached_ms.items():
        hour = Window(end_ms - 60 * MINUTE_MS, end_ms)
        assert stored(BUCKET, "candles", pair, window=hour) == merged_truth(EXCHANGES, hour, pair, par=True)


def watch(result: Endurance, until: float, stop: Callable[[], bool] = lambda: False) -> None:
    """Measure the lag until the monotonic time `until`; InfluxDB must be up."""
    while time.monotonic() < until and not stop():
        result.lags.append((now_ms() - min(reached().values())) / 1000)
        time.sleep(min(5.0, max(0.0, until - time.monotonic())))


def cause_faults(servers: Servers, result: Endurance, chance: random.Random, until: float) -> None:
    """Cause faults with pauses until the monotonic time `until`, each kind once before any is repeated."""
    left: list[str] = []
    while time.monotonic() < until:
        left = left or chance.sample(sorted(RANDOM_FAULTS), len(RANDOM_FAULTS))
        name = left.pop()
        with RANDOM_FAULTS[name](servers, chance):
            result.faults[name] += 1
            logger.info("%s", name)
            time.sleep(chance.uniform(5, 20))
        check_last_hour(reached())
        watch(result, time.monotonic() + chance.uniform(5, 20))


def is_current(result: Endurance) -> bool:
    result.last_lag = (now_ms() - min(reached().values())) / 1000
    return result.last_lag <= MAX_LAG_SECONDS


def compare(result: Endurance, window_of: Callable[[str], Window]) -> Difference:
    """Compare all candles since the first run, up to each symbol's watermark."""
    found = Difference(0, 0, 0)
    for pair in PAIRS.values():
        window = window_of(pair)
        expected = [(merged_truth(EXCHANGES, window, pair, par=True), "candles", None)]
        expected += [(truth(e, window, pair), "exchange_candles", e) for e in EXCHANGES]
        for rows, measurement, exchange in expected:
            result.candles += len(rows)
            there = stored(BUCKET, measurement, pair, exchange, window)
            found += difference(rows, there)
    return found


def query(flux: str) -> list[dict[str, str]]:
    with InfluxBucket(connect_influxdb(), BUCKET) as bucket:
        return bucket.query(flux)


def count_series(result: Endurance) -> int:
    """Count the existing series; return the number that the design implies.

    Each pair has six: candles, candle_quality, merge_days, and three of processing_state. Each pair on an exchange has
    three: exchange_candles, fetch_attempts and day_records. bucket_use has one.
    """
    [counted] = query('import "influxdata/influxdb"\ninfluxdb.cardinality(bucket: bucket, start: time(v: 0))')
    pairs, both = len(PAIRS), len(PAIRS) * len(EXCHANGES)
    result.series = int(counted["_value"])
    result.series_expected = f"1, 6 for each of {pairs} pairs, and 3 for each of {both} pairs on an exchange"
    return 1 + 6 * pairs + 3 * both


def has_grown(before: Memory, after: Memory) -> bool:
    gained = after.all_mb / after.processes - before.all_mb / before.processes
    return after.main_mb - before.main_mb > MAIN_MB or gained > MEAN_MB


def first_start_ms(servers: Servers) -> int:
    """Return the start of the first run's window: a day before the end of its interval."""
    first = min(run["data_interval_end"] for run in servers.airflow.runs(CATCH_UP))
    return int(datetime.fromisoformat(first.replace("Z", "+00:00")).timestamp() * 1000) - DAY_MS


def warm_up(servers: Servers, result: Endurance) -> None:
    servers.list_symbols()
    for dag in (CATCH_UP, REPAIR):
        servers.airflow.unpause(dag)
    servers.airflow.wait_for_runs(CATCH_UP, 1, timeout_seconds=180)
    watch(result, time.monotonic() + WARM_UP_PART * MINUTES * 60)
    result.memory_before = measure(servers.airflow.running)


@pytest.mark.parametrize("seed", [SEED])
def test_catch_up_keeps_up_while_faults_occur_at_random(seed, servers, sections, caplog):
    caplog.set_level(logging.INFO, __name__)
    result = Endurance(minutes=MINUTES, seed=seed, symbols=len(PAIRS), exchanges=len(EXCHANGES))
    began = time.monotonic()
    warm_up(servers, result)
    cause_faults(servers, result, random.Random(seed), began + MINUTES * 60)
    watch(result, time.monotonic() + QUIET_SECONDS)
    assert is_current(result), f"{result.last_lag:.0f} s"
    start_ms, reached_ms = first_start_ms(servers), reached()
    assert compare(result, lambda pair: Window(start_ms, reached_ms[pair])) == Difference(0, 0, 0)
    result.memory_after = measure(servers.airflow.running)
    expected = count_series(result)
    result.runs = Counter(f"{d} {run['state']}" for d in (CATCH_UP, REPAIR) for run in servers.airflow.runs(d))
    logger.info("%s\n%s", result.lags, result.section())
    assert result.series == expected
    assert [name for name, before in result.memory_before.items() if has_grown(before, result.memory_after[name])] == []
    sections.append(result.section())
