"""What `coverage` counts; what it reads from a real InfluxDB is in tests/integration/test_terminal.py."""

import json
from contextlib import nullcontext

import pytest
from typer.testing import CliRunner

from candle_ingest.__main__ import app
from candle_ingest.candles.symbol import parse_symbol
from candle_ingest.cli import coverage_command
from candle_ingest.ledger.coverage import Account
from candle_ingest.ledger.daily_coverage import DailyCoverage
from candle_ingest.ledger.day_account import NO_EXCHANGE, DayAccount

DAY_MS = 1_767_225_600_000  # 2026-01-01
WHOLE = Account(expected=1440, present=1440, quiet=0, not_listed=0, suspected=0, rejected=0, failed=0, not_asked=0)
HALF = Account(expected=1440, present=720, quiet=0, not_listed=0, suspected=0, rejected=0, failed=720, not_asked=0)


@pytest.fixture
def count(monkeypatch):
    """Exit status and open minutes by exchange, where these accounts of BTC/USD are stored."""

    def call(configured, **accounts):
        days = [DayAccount("BTC/USD", name, DAY_MS, sums) for name, sums in accounts.items()]
        monkeypatch.setenv("CANDLE_INGEST_EXCHANGES", configured)
        monkeypatch.setattr(coverage_command, "listed_symbols", lambda _: [parse_symbol("btcusd")])
        monkeypatch.setattr(coverage_command, "open_bucket", nullcontext)
        monkeypatch.setattr(DailyCoverage, "read", lambda *_: days)
        done = CliRunner().invoke(app, ["coverage", "--from", "2026-01-01", "--to", "2026-01-02", "--json"])
        rows = json.loads(done.output)["rows"]
        return done.exit_code, {row["exchange"]: row["failed"] + row["not_asked"] for row in rows}

    return call


def test_an_exchange_that_was_removed_from_the_settings_does_not_count(count):
    assert count("binance", binance=WHOLE, kraken=HALF) == (0, {"binance": 0})


def test_an_exchange_of_the_settings_counts(count):
    assert count("binance,kraken", binance=WHOLE, kraken=HALF) == (1, {"binance": 0, "kraken": 720})


def test_an_exchange_counts_under_its_old_name_too(count):
    assert count("coinbasepro", coinbaseexchange=WHOLE) == (0, {"coinbaseexchange": 0})


def test_a_symbol_that_only_removed_exchanges_have_was_not_asked(count):
    assert count("binance", kraken=WHOLE) == (1, {NO_EXCHANGE: 1440})
