"""The real servers that a run talks to, which the tests break, and the result of a run."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import pytest

from candle_ingest.candles.window import MINUTE_MS, Window
from candle_ingest.errors import CandleIngestError
from candle_ingest.settings import PipelineSettings
from dev.exchange_simulator.process import SimulatorProcess
from dev.local_stack.influxdb_server import InfluxdbServer
from tests.faults.difference import Difference, difference
from tests.faults.influxdb_proxy import InfluxdbProxy, Rule
from tests.faults.servers import FaultInfluxdb, FaultRedis
from tests.integration.servers.environment import connection_variables
from tests.integration.steps import merged_truth, run_steps, stored, truth, watermarks, within

SYMBOLS_KEY = "top_cryptocurrencies"


@dataclass
class Attempt:
    """The result of one run of the four steps: its errors, and the number of requests."""

    errors: list[CandleIngestError] = field(default_factory=list)
    requests: int = 0

    @property
    def text(self) -> str:
        """Return all errors as text."""
        return "\n".join(map(str, self.errors))


@dataclass
class World:
    """The servers of the fault tests, shared by all of them and emptied before each."""

    simulator: SimulatorProcess
    redis: FaultRedis
    influxdb: FaultInfluxdb
    proxy: InfluxdbProxy
    now_ms: int
    patch: pytest.MonkeyPatch
    settings: PipelineSettings = field(init=False)
    exchange: str = field(init=False)

    def begin(self, exchange: str, bucket: str) -> None:
        """Start with servers up, no faults, an empty bucket, and one symbol."""
        self.restore()
        self.exchange = exchange
        self.redis.address.client().flushall()
        self.list_symbols()
        self.connect()
        # At par: one exchange fails at a time, and rates would need three more.
        self.settings = PipelineSettings(
            name="candle", exchanges=(exchange,), settle_seconds=0, quote_conversion="par", influxdb_bucket=bucket
        )

    def restore(self) -> None:
        """End all faults."""
        self.redis.thaw()
        self.redis.start()
        self.influxdb.start()
        self.simulator.clear_faults()
        self.simulator.clear_events()
        self.proxy.rules.clear()

    def list_symbols(self) -> None:
        """Set the list of symbols, as its owner does."""
        self.redis.address.client().set(SYMBOLS_KEY, json.dumps(["btcusd"]))

    def connect(self, *, influxdb_url: str | None = None, **changes: Any) -> None:
        """Define the connections; InfluxDB's leads to the proxy unless `influxdb_url` is given.

        `changes` may be another `token` for InfluxDB and another `redis`.
        """
        address = self.influxdb.address
        seen = InfluxdbServer(
            url=influxdb_url or self.proxy.url, token=changes.get("token", address.token), org=address.org
        )
        for name, value in connection_variables(changes.get("redis", self.redis.address), seen, self.simulator).items():
            self.patch.setenv(name, value)

    def rule(self, **details: Any) -> Rule:
        """Add a rule to the proxy in front of InfluxDB."""
        self.proxy.rules.append(Rule(**details))
        return self.proxy.rules[-1]

    def attempt(self, window: Window, origin_ms: int, kind: str = "backfill", **params: Any) -> Attempt:
        """Run all steps as Airflow would; an error that is not a CandleIngestError is a defect and propagates."""
        try:
            result = run_steps(self.settings, kind, window, self.now_ms, params, origin_ms)
        except CandleIngestError as error:
            return Attempt([error])
        errors = [*result.failed.values(), *([result.incomplete] if result.incomplete else [])]
        return Attempt(errors, result.requests)

    def end_pauses(self) -> None:
        """End the pauses that exchanges have requested, and close the circuit breakers."""
        client = self.redis.address.client()
        for key in [*client.scan_iter("candle_ingest:pause:*"), *client.scan_iter("candle_ingest:down:*")]:
            client.delete(key)

    def difference(self, window: Window) -> Difference:
        """Return what is lost, duplicated or wrong in the exchange's own candles and the merged ones."""
        own, merged = self._expected(window)
        bucket = self.settings.influxdb_bucket
        found = stored(bucket, "exchange_candles", "BTC/USD", self.exchange), stored(bucket, "candles", "BTC/USD")
        if self.exchange == "kraken":
            # A response with trades reaches beyond the window, and all of its candles are stored.
            found = within(found[0], window), within(found[1], window)
        return difference(own, found[0]) + difference(merged, found[1])

    def watermark_ms(self) -> int | None:
        """Return backfill's watermark."""
        return watermarks(self.settings.influxdb_bucket, "btcusd-backfill").get("btcusd-backfill")

    def merged_up_to(self, window: Window) -> int:
        """Return the last minute before the first missing merged candle; `start - 1` if there is none."""
        _, merged = self._expected(window)
        there = {row[0] for row in stored(self.settings.influxdb_bucket, "candles", "BTC/USD")}
        missing = min((row[0] for row in merged if row[0] not in there), default=window.end_ms)
        return missing - MINUTE_MS

    def _expected(self, window: Window) -> tuple[list[tuple], list[tuple]]:
        recent_ms = self.now_ms - 719 * MINUTE_MS
        # Kraken's older candles are built from trades: a minute without trades has none.
        keep = lambda row: self.exchange != "kraken" or row[5] > 0 or row[0] >= recent_ms  # noqa: E731
        own = [row for row in truth(self.exchange, window) if keep(row)]
        times = {row[0] for row in own}
        return own, [row for row in merged_truth([self.exchange], window, par=True) if row[0] in times]
