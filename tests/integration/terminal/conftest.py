"""A pipeline with one day: days that tests only read are filled once for all files of this folder."""

from __future__ import annotations

import time
from types import SimpleNamespace

import pytest

from candle_ingest.candles.window import format_ms
from candle_ingest.cli import moments
from candle_ingest.pipelines import load_pipelines
from tests.integration.terminal.day import DAY, EXCHANGES, NOW_MS, fill, fill_without_coinbase


@pytest.fixture
def now_ms():
    """The time of the exchanges in all files of this folder."""
    return NOW_MS


@pytest.fixture
def settings(connections, influxdb_server, monkeypatch):
    """A pipeline with one day of history, not filled yet."""
    clock = SimpleNamespace(time_ns=lambda: NOW_MS * 1_000_000)
    monkeypatch.setattr(moments, "time", clock)
    variables = {
        "CANDLE_INGEST_EXCHANGES": ",".join(EXCHANGES),
        "CANDLE_INGEST_INFLUXDB_BUCKET": influxdb_server.new_bucket(),
        "CANDLE_INGEST_BACKFILL_START_DATE": format_ms(DAY.start_ms)[:10],
        # What catch-up fetches of a symbol without a history.
        "CANDLE_INGEST_CATCH_UP_INITIAL_DAYS": "1",
        "CANDLE_INGEST_MIN_EXCHANGES_REQUIRED": "1",
        "CANDLE_INGEST_SETTLE_SECONDS": "0",
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return load_pipelines()["candle"]


@pytest.fixture(scope="package")
def kept():
    """The buckets that several tests read, by how they were filled."""
    return {}


@pytest.fixture
def once(kept, settings, influxdb_server, monkeypatch):
    """`once(how, fill_it)`: the pipeline with the bucket that was filled so, by this test or before."""

    def pipeline(how, fill_it):
        if how not in kept:
            fill_it()
            influxdb_server.keep(settings.influxdb_bucket)
            kept[how] = settings.influxdb_bucket
        monkeypatch.setenv("CANDLE_INGEST_INFLUXDB_BUCKET", kept[how])
        return load_pipelines()["candle"]

    return pipeline


@pytest.fixture
def filled(settings, once):
    """The pipeline with the whole day: filled once for all tests that only read it."""
    return once("filled", lambda: fill(settings))


@pytest.fixture
def without_coinbase(settings, exchanges, once):
    """The pipeline with a day on which coinbaseexchange failed: filled once for all tests that only read it."""
    return once("failed", lambda: fill_without_coinbase(settings, exchanges))


@pytest.fixture
def at_true_time(monkeypatch):
    """Let the commands have the clock by which calls are counted."""
    monkeypatch.setattr(moments, "time", time)
