"""A pipeline with one day: days that tests only read are filled once for all files of this folder."""

from __future__ import annotations

import time
from types import SimpleNamespace

import pytest

from candle_ingest.candles.window import format_ms
from candle_ingest.cli import moments
from candle_ingest.pipelines import load_pipelines
from tests.integration.terminal.day import DAY, EXCHANGES, NOW_MS, fill, fill_without_coinbase

VARIABLES = {
    "CANDLE_INGEST_EXCHANGES": ",".join(EXCHANGES),
    "CANDLE_INGEST_BACKFILL_START_DATE": format_ms(DAY.start_ms)[:10],
    # What catch-up fetches of a symbol without a history.
    "CANDLE_INGEST_CATCH_UP_INITIAL_DAYS": "1",
    "CANDLE_INGEST_MIN_EXCHANGES_REQUIRED": "1",
    "CANDLE_INGEST_SETTLE_SECONDS": "0",
}


@pytest.fixture
def now_ms():
    """The time of the exchanges in all files of this folder."""
    return NOW_MS


@pytest.fixture
def pipeline(connections, monkeypatch):
    """`pipeline(bucket)`: the pipeline with one day of history, which commands now find in this bucket."""
    clock = SimpleNamespace(time_ns=lambda: NOW_MS * 1_000_000)
    monkeypatch.setattr(moments, "time", clock)
    for name, value in VARIABLES.items():
        monkeypatch.setenv(name, value)

    def of(bucket):
        monkeypatch.setenv("CANDLE_INGEST_INFLUXDB_BUCKET", bucket)
        return load_pipelines()["candle"]

    return of


@pytest.fixture
def settings(pipeline, influxdb_server):
    """The pipeline, not filled yet."""
    return pipeline(influxdb_server.new_bucket())


@pytest.fixture(scope="package")
def kept(influxdb_server):
    """The buckets that several tests read, by how they were filled."""
    buckets = {}
    yield buckets
    for bucket in buckets.values():
        influxdb_server.delete_bucket(bucket)


@pytest.fixture
def once(kept, pipeline, influxdb_server):
    """`once(how, fill_it)`: the pipeline with the bucket that was filled so, by this test or before."""

    def of(how, fill_it):
        if how not in kept:
            bucket = influxdb_server.new_bucket()
            fill_it(pipeline(bucket))
            influxdb_server.keep(bucket)
            kept[how] = bucket
        return pipeline(kept[how])

    return of


@pytest.fixture
def filled(once):
    """The pipeline with the whole day: filled once for all tests that only read it."""
    return once("filled", fill)


@pytest.fixture
def without_coinbase(exchanges, once):
    """The pipeline with a day on which coinbaseexchange failed: filled once for all tests that only read it."""
    return once("failed", lambda settings: fill_without_coinbase(settings, exchanges))


@pytest.fixture
def at_true_time(monkeypatch):
    """Let the commands have the clock by which calls are counted."""
    monkeypatch.setattr(moments, "time", time)
