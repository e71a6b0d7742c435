"""The real servers that a run talks to, which the tests break, and the result of a run."""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass, field
from typing import Any

import pytest

from candle_ingest.candles.window import HOUR_MS, MINUTE_MS, Window
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


@dataclass(frozen=True)
class Whole:
    """A store that holds the truth of one exchange, in a window that begins with its first hour."""

    settings: PipelineSettings
    window: Window


@dataclass
class World:
    """The servers of the fault tests, shared by all of them; each begins with an empty store, or with a whole one."""

    simulator: SimulatorProcess
    redis: FaultRedis
    influxdb: FaultInfluxdb
    proxy: InfluxdbProxy
    now_ms: int
    patch: pytest.MonkeyPatch
    settings: PipelineSettings = field(init=False)
    exchange: str = field(init=False)
    _wholes: dict[tuple[str, int], Whole] = field(default_factory=dict)

    def begin(self, exchange: str, bucket: str) -> None:
        """Start with servers up, no faults, an empty bucket, and one symbol."""
        self.restore()
        self._wholes.clear()
        self.redis.address.client().flushall()
        self._open(exchange, bucket)

    def begin_whole(self, exchange: str, bucket: str, first: Window) -> Window:
        """Start with servers up, no faults, and a store that holds the truth of the hours that are returned.

        It is the store that an earlier test left so, or a new one with the `first` hour.
        """
        self.restore()
        self._open(exchange, bucket)
        whole = self._wholes.pop((exchange, first.start_ms), None)
        if whole is None or whole.window.end_ms + HOUR_MS > self.now_ms or not self._knows_markets():
            assert self.attempt(first, first.start_ms).errors == []
            return first
        self.settings = whole.settings
        return whole.window

    def end_whole(self, window: Window) -> None:
        """Leave the store to the next test: it holds the truth of these hours."""
        self._wholes[self.exchange, window.start_ms] = Whole(self.settings, window)

    def _knows_markets(self) -> bool:
        """Tell whether the exchange's list of markets is in the cache; faults of Redis delete it."""
        return any(self.redis.address.client().scan_iter(f"candle_ingest:markets:{self.exchange}:*:fresh"))

    def _open(self, exchange: str, bucket: str) -> None:
        self.exchange = exchange
        self.list_symbols()
        self.connect()
        self._forget("pause", "down", "failures", "pace")
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
        """Define the connections; InfluxDB's leads to the server itself unless `influxdb_url` is given.

        `changes` may be another `token` for InfluxDB and another `redis`.
        """
        address = self.influxdb.address
        seen = InfluxdbServer(
            url=influxdb_url or address.url, token=changes.get("token", address.token), org=address.org
        )
        for name, value in connection_variables(changes.get("redis", self.redis.address), seen, self.simulator).items():
            self.patch.setenv(name, value)

    def rule(self, **details: Any) -> Rule:
        """Lead to InfluxDB through the proxy in front of it, with this rule."""
        self.connect(influxdb_url=self.proxy.url)
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
        self._forget("pause", "down")

    def _forget(self, *kinds: str) -> None:
        client = self.redis.address.client()
        for kind in kinds:
            for key in client.scan_iter(f"candle_ingest:{kind}:*"):
                client.delete(key)

    def difference(self, window: Window) -> Difference:
        """Return what is lost, duplicated or wrong in the exchange's own candles and the merged ones."""
        own, merged = _expected(self.exchange, window, self.now_ms)
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
        _, merged = _expected(self.exchange, window, self.now_ms)
        there = {row[0] for row in stored(self.settings.influxdb_bucket, "candles", "BTC/USD")}
        missing = min((row[0] for row in merged if row[0] not in there), default=window.end_ms)
        return missing - MINUTE_MS


@functools.cache
def _expected(exchange: str, window: Window, now_ms: int) -> tuple[list[tuple], list[tuple]]:
    """Return the exchange's own candles and the merged ones."""
    recent_ms = now_ms - 719 * MINUTE_MS
    # Kraken's older candles are built from trades: a minute without trades has none.
    own = [row for row in truth(exchange, window) if exchange != "kraken" or row[5] > 0 or row[0] >= recent_ms]
    times = {row[0] for row in own}
    return own, [row for row in merged_truth([exchange], window, par=True) if row[0] in times]
