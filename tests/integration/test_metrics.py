"""The metrics of real runs, as a StatsD server gets them over UDP."""

from __future__ import annotations

import json
import socket
import time
from collections import defaultdict

import pytest
from airflow.sdk.observability import stats
from airflow.sdk.observability.metrics.stats_utils import get_stats_factory

from candle_ingest.candles.window import MINUTE_MS, Window, floor_ms
from candle_ingest.errors import TemporaryError
from candle_ingest.exchanges import request_gate
from candle_ingest.metrics.catalogue import ALL
from candle_ingest.settings import PipelineSettings
from tests.integration.steps import run_steps, with_settings

pytestmark = pytest.mark.integration
TYPES = {"counter": "c", "gauge": "g", "timer": "ms"}
PAIR = "currency_pair=BTC/USD"


class UdpListener:
    """Collects what is sent to a port of this machine."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._socket.settimeout(0.2)
        self.port = self._socket.getsockname()[1]

    def received(self) -> dict[str, list[tuple[set[str], float, str]]]:
        """By metric, without Airflow's prefix: tags, value and type of each point."""
        found = defaultdict(list)
        try:
            while True:
                name, _, value = self._socket.recv(65536).decode().partition(":")
                metric, *tags = name.split(",")
                number, kind = value.split("|")[:2]
                found[metric.removeprefix("airflow.")].append((set(tags), float(number), kind))
        except TimeoutError:
            return found

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def listener(monkeypatch):
    """Airflow's metrics as its settings [metrics] make them, sent to a port of this test."""
    udp = UdpListener()
    settings = {"STATSD_ON": "True", "STATSD_HOST": "127.0.0.1", "STATSD_PORT": str(udp.port)}
    for name, value in {**settings, "STATSD_INFLUXDB_ENABLED": "True"}.items():
        monkeypatch.setenv(f"AIRFLOW__METRICS__{name}", value)
    stats.initialize(factory=get_stats_factory(), export_legacy_names=False)
    yield udp
    monkeypatch.undo()
    stats.initialize(factory=get_stats_factory(), export_legacy_names=False)
    udp.close()


@pytest.fixture
def settings(connections, influxdb_server):
    return PipelineSettings(
        name="candle",
        exchanges=("binance", "coinbaseexchange"),
        settle_seconds=0,
        influxdb_bucket=influxdb_server.new_bucket(),
        catch_up_initial_days=1,
    )


def catch_up(settings):
    now_ms = time.time_ns() // 1_000_000
    return run_steps(settings, "catch_up", Window(now_ms - 5 * MINUTE_MS, floor_ms(now_ms, MINUTE_MS)), now_ms)


def test_a_run_sends_what_it_has_done(listener, settings):
    done = catch_up(settings)
    found = listener.received()
    tags = {"pipeline=candle", "dag=catch_up"}
    assert found["candle_ingest.symbols_written"] == [(tags, 1, "c")]
    assert found["candle_ingest.symbols_short"] == [(tags, 0, "c")]
    assert found["candle_ingest.candles_written"] == [(tags, done.written["BTC/USD"], "c")]
    assert found["candle_ingest.redis_up"] == [(set(), 1, "g")]
    shares = found["candle_ingest.accounted_share"]
    assert shares
    assert all(point == ({"pipeline=candle", PAIR}, 1, "g") for point in shares)
    [(lag_tags, lag_seconds, _)] = found["candle_ingest.lag"]
    assert lag_tags == {"pipeline=candle", PAIR}
    assert 0 <= lag_seconds < 180
    marked = {tag: value for tags, value, _ in found["candle_ingest.minutes_marked"] for tag in tags}
    assert marked["what=converted"] == done.written["BTC/USD"]
    calls = found["candle_ingest.exchange_calls"]
    # The rate of USDT is observed on the last three.
    asked = ("binance", "coinbaseexchange", "bitstamp", "kraken")
    assert {tag for tags, _, _ in calls for tag in tags} == {f"exchange={name}" for name in asked}
    assert len(found["candle_ingest.exchange_response"]) == len(calls)
    assert found["candle_ingest.influxdb_write"]
    assert "candle_ingest.exchange_errors" not in found


def test_what_fails_is_counted(listener, settings, exchanges):
    exchanges.set_fault("coinbaseexchange", "status", status=503, path="BTC-USD/candles")
    catch_up(settings)
    found = listener.received()
    errors = found["candle_ingest.exchange_errors"]
    assert len(errors) >= request_gate.ATTEMPTS
    assert all(point == ({"exchange=coinbaseexchange"}, 1, "c") for point in errors)
    assert found["candle_ingest.symbols_short"] == [({"pipeline=candle", "dag=catch_up"}, 1, "c")]
    assert min(share for _, share, _ in found["candle_ingest.accounted_share"]) == pytest.approx(0.5)


def test_servers_that_are_down_are_told_of(listener, settings, monkeypatch):
    monkeypatch.setenv("AIRFLOW_CONN_REDIS_DEFAULT", json.dumps({"conn_type": "redis", "host": "127.0.0.1", "port": 9}))
    with pytest.raises(TemporaryError):
        catch_up(settings)
    assert listener.received()["candle_ingest.redis_up"] == [(set(), 0, "g")]


def test_a_request_that_influxdb_refuses_is_counted(listener, settings):
    catch_up(settings)
    listener.received()
    broken = with_settings(settings, influxdb_bucket="no such bucket")
    run_steps(broken, "catch_up", None, time.time_ns() // 1_000_000, {"run_mode": "dry"})
    errors = listener.received()["candle_ingest.influxdb_errors"]
    assert errors != []
    assert all(point == ({"what=query"}, 1, "c") for point in errors)


def test_every_metric_is_of_the_kind_that_is_told(listener, settings, exchanges):
    exchanges.set_fault("coinbaseexchange", "status", status=503, path="BTC-USD/candles")
    catch_up(settings)
    found = listener.received()
    missing = {metric.name for metric in ALL if metric.name not in found}
    assert missing == {"candle_ingest.influxdb_errors", "candle_ingest.lag"}
    for metric in ALL:
        for tags, _, kind in found.get(metric.name, []):
            assert kind == TYPES[metric.kind]
            assert {tag.split("=")[0] for tag in tags} == set(metric.tags)
