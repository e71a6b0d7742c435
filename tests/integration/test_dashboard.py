"""Every Flux query of the Grafana dashboard and of its page in docs/how-to gives rows from what runs have stored."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path

import pytest

from candle_ingest.candles.window import DAY_MS, Window, floor_ms
from candle_ingest.connections import connect_influxdb
from candle_ingest.exchanges import request_gate
from candle_ingest.settings import PipelineSettings
from candle_ingest.store.bucket import InfluxBucket
from dev.exchange_simulator.market_events import MarketEvent
from dev.exchange_simulator.process import SimulatorProcess
from tests.integration.servers.environment import connection_variables
from tests.integration.steps import run_steps

pytestmark = pytest.mark.integration
DOCS = Path(__file__).parents[2] / "docs"
PANELS = json.loads((DOCS / "grafana" / "candles.json").read_text())["panels"]
DASHBOARD = {panel["title"]: panel["targets"][0]["query"] for panel in PANELS}
PAGE = dict(
    re.findall(
        r"^## (.+?)\n.*?```flux\n(.+?)```", (DOCS / "how-to" / "queries-and-grafana.md").read_text(), re.M | re.S
    )
)


@pytest.fixture(scope="module")
def bucket(redis_server, influxdb_server):
    """The day before yesterday and the last day, of two exchanges, one of which fails at first."""
    now_ms = time.time_ns() // 1_000_000
    midnight_ms = floor_ms(now_ms, DAY_MS)
    settings = PipelineSettings(
        name="candle",
        exchanges=("binance", "coinbaseexchange"),
        min_exchanges_required=1,
        settle_seconds=0,
        catch_up_initial_days=1,
        influxdb_bucket=influxdb_server.new_bucket(),
    )
    redis_server.client().flushdb()
    redis_server.client().set("top_cryptocurrencies", json.dumps(["btcusd"]))
    with pytest.MonkeyPatch.context() as patch, SimulatorProcess(limits=False) as exchanges:
        for name, value in connection_variables(redis_server, influxdb_server, exchanges).items():
            patch.setenv(name, value)
        patch.setattr(request_gate, "FIRST_WAIT_SECONDS", 0.01)
        moved = Window(midnight_ms - 2 * DAY_MS, midnight_ms - 2 * DAY_MS + 60_000)
        exchanges.add_events(
            [
                MarketEvent(
                    kind="off_grid", exchange="binance", start_ms=moved.start_ms, end_ms=moved.end_ms, shift_ms=14_789
                )
            ]
        )
        exchanges.set_fault("coinbaseexchange", "status", status=503, path="candles")
        run_steps(settings, "backfill", Window(midnight_ms - 2 * DAY_MS, midnight_ms - DAY_MS), now_ms)
        exchanges.clear_faults()
        run_steps(settings, "catch_up", Window(now_ms - 300_000, now_ms), now_ms)
        with InfluxBucket(connect_influxdb(), settings.influxdb_bucket) as opened:
            yield opened


def test_the_page_has_the_figures_of_the_dashboard():
    assert list(PAGE) == list(DASHBOARD)


@pytest.mark.parametrize("title", DASHBOARD)
def test_a_panel_has_rows(bucket, title):
    query = DASHBOARD[title].replace("${bucket}", bucket.name)
    query = query.replace("v.timeRangeStart", "-7d").replace("v.timeRangeStop", "now()")
    assert bucket.query(query)


@pytest.mark.parametrize("title", PAGE)
def test_a_query_of_the_page_has_rows(bucket, title):
    assert bucket.query(PAGE[title].replace('bucket: "candles"', f'bucket: "{bucket.name}"'))


def test_the_share_is_what_was_fetched(bucket):
    rows = bucket.query(PAGE["Share of minutes accounted for"].replace('bucket: "candles"', f'bucket: "{bucket.name}"'))
    first = min(rows, key=lambda row: row["_time"])
    assert float(first["share"]) == pytest.approx(0.5)
