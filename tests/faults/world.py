"""Everything that a run talks to, real and breakable, and what a run of it left behind."""

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
    """One run of the four steps: what went wrong in it, if anything did."""

    errors: list[CandleIngestError] = field(default_factory=list)
    requests: int = 0

    @property
    def text(self) -> str:
        """All errors as text."""
        return "\n".join(map(str, self.errors))


@dataclass
class World:
    """The servers of the fault tests; one for all of them, emptied before each."""

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
        self.mend()
        self.exchange = exchange
        self.redis.address.client().flushall()
        self.list_symbols()
        self.connect()
        # At par: one exchange fails at a time, and rates would need three more.
        self.settings = PipelineSettings(
            name="candle", exchanges=(exchange,), settle_seconds=0, quote_conversion="par", influxdb_bucket=bucket
        )

    def mend(self) -> None:
        """All faults are over."""
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
        """Define the connections: to the proxy before InfluxDB unless told otherwise; `changes` by server."""
        address = self.influxdb.address
        seen = InfluxdbServer(
            url=influxdb_url or self.proxy.url, token=changes.get("token", address.token), org=address.org
        )
        for name, value in connection_variables(changes.get("redis", self.redis.address), seen, self.simulator).items():
            self.patch.setenv(name, value)

    def rule(self, **details: Any) -> Rule:
        """Let the proxy do something to InfluxDB's requests."""
        self.proxy.rules.append(Rule(**details))
        return self.proxy.rules[-1]

    def attempt(self, window: Window, origin_ms: int, kind: str = "backfill", **params: Any) -> Attempt:
        """Run all steps as Airflow would; an unexpected kind of error is a defect and propagates."""
        try:
            result = run_steps(self.settings, kind, window, self.now_ms, params, origin_ms)
        except CandleIngestError as error:
            return Attempt([error])
        errors = [*result.failed.values(), *([result.incomplete] if result.incomplete else [])]
        return Attempt(errors, result.requests)

    def time_passes(self) -> None:
        """Whatever an exchange has asked for is over."""
        client = self.redis.address.client()
        for key in [*client.scan_iter("candle_ingest:pause:*"), *client.scan_iter("candle_ingest:down:*")]:
            client.delete(key)

    def difference(self, window: Window) -> Difference:
        """Return what is lost, duplicated or wrong in the exchange's own candles and the merged ones."""
        own, merged = self._expected(window)
        bucket = self.settings.influxdb_bucket
        found = stored(bucket, "exchange_candles", "BTC/USD", self.exchange), stored(bucket, "candles", "BTC/USD")
        if self.exchange == "kraken":
            # An answer with trades reaches beyond the window, and what it has of that is stored too.
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
        # Kraken's older minutes are built from trades: no trade, no candle.
        keep = lambda row: self.exchange != "kraken" or row[5] > 0 or row[0] >= recent_ms  # noqa: E731
        own = [row for row in truth(self.exchange, window) if keep(row)]
        times = {row[0] for row in own}
        return own, [row for row in merged_truth([self.exchange], window, par=True) if row[0] in times]
