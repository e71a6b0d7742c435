"""What `coverage` prints and when it fails; what it reads is in tests/integration/terminal/test_coverage.py."""

import json
from contextlib import nullcontext
from dataclasses import replace

import pytest
from typer.testing import CliRunner

from candle_ingest.__main__ import app
from candle_ingest.candles.symbol import parse_symbol
from candle_ingest.cli import coverage_command
from candle_ingest.ledger.minute_state import CoverageCounts
from candle_ingest.reports.coverage_totals import CoverageTotal
from candle_ingest.reports.merge_progress import MergeProgress

START = "2026-01-01"
WHOLE = CoverageCounts(expected=2880, present=2880)
HALF = CoverageCounts(expected=2880, present=1440, failed=1440)


@pytest.fixture
def run(monkeypatch):
    """Call `coverage` for one day of BTC/USD, of which these counts and final days are stored."""

    def call(counts, *options, final_days=0, provisional_days=0, unconfirmed=0, outdated=0, history=START, rates=()):
        total = CoverageTotal(
            currency_pair="BTC/USD",
            exchange="",
            counts=counts,
            final_days=final_days,
            provisional_days=provisional_days,
            unrecorded=0,
            unconfirmed=unconfirmed,
        )
        monkeypatch.setenv("CANDLE_INGEST_BACKFILL_START_DATE", history)
        monkeypatch.setattr(coverage_command, "listed_symbols", lambda _: [parse_symbol("btcusd")])
        monkeypatch.setattr(coverage_command, "open_bucket", nullcontext)
        monkeypatch.setattr(coverage_command, "read_pair_totals", lambda *_: [total])
        monkeypatch.setattr(coverage_command, "read_exchange_totals", lambda *_: [replace(total, exchange="kraken")])
        monkeypatch.setattr(coverage_command, "read_rate_totals", lambda *_: rates)
        monkeypatch.setattr(coverage_command, "read_merge_progress", lambda *_: MergeProgress(1, outdated))
        return CliRunner().invoke(app, ["coverage", "--from", START, "--to", "2026-01-02", *options])

    return call


def test_a_day_that_is_final_is_complete(run):
    done = run(WHOLE, final_days=1)
    assert done.exit_code == 0
    assert "1 of 1 symbol-day is complete; every minute is accounted for" in done.output


def test_a_final_day_with_open_minutes_of_an_added_exchange_is_not_complete(run):
    assert run(CoverageCounts(expected=4320, present=2880, not_asked=1440), final_days=1).exit_code == 1


def test_a_final_day_that_is_merged_with_earlier_settings_is_not_complete(run):
    stale = run(WHOLE, final_days=1, outdated=1)
    assert stale.exit_code == 1
    assert "0 of 1 symbol-day is complete" in stale.output
    assert "The merge settings were changed: 0 of 1 symbol-day is merged again" in " ".join(stale.output.split())
    assert json.loads(run(WHOLE, "--json", outdated=1).output)["merging"] == {"days": 1, "outdated": 1}


def test_a_provisional_day_is_not_complete_and_is_named(run):
    done = run(WHOLE, provisional_days=1)
    assert done.exit_code == 1
    assert "1 symbol-day is provisional" in done.output


def test_columns_that_are_all_zero_are_left_out(run):
    heading = run(HALF).output.splitlines()[0]
    assert heading.split() == ["symbol", "expected", "present", "failed"]


def test_every_state_is_in_the_json(run):
    done = run(HALF, "--json")
    [row] = json.loads(done.output)["rows"]
    assert done.exit_code == 1
    assert (row["failed"], row["outage"], row["final_days"], row["days"]) == (1440, 0, 0, 1)


def test_unobtainable_minutes_are_listed_with_what_to_do(run):
    output = run(CoverageCounts(expected=2880, present=2870, unobtainable=10)).output
    assert "every minute is accounted for; 10 are unobtainable (`candle-ingest retry` requests them again)" in output


def test_days_whose_closing_look_was_given_up_are_named_with_what_to_do(run):
    done = run(WHOLE, unconfirmed=1440)
    assert done.exit_code == 1
    assert "1,440 were never confirmed after their day (`candle-ingest retry` requests them again)" in done.output
    assert json.loads(run(WHOLE, "--json", unconfirmed=1440).output)["rows"][0]["unconfirmed"] == 1440


def test_minutes_before_the_history_are_not_open(run):
    counts = CoverageCounts(expected=2880, not_asked=2880)
    output = run(counts, history="2026-01-03").output
    assert "minutes are open" not in output
    assert "2,880 minutes are before the history, which begins at 2026-01-03T00:00Z: not asked for" in output
    assert "2,880 minutes are open" in run(counts).output
    assert json.loads(run(counts, "--json", history="2026-01-03").output)["before_history"] == 2880


def test_open_minutes_of_rates_are_counted_apart_from_those_of_symbols(run):
    counts = CoverageCounts(expected=1440, present=1100, silent=237, failed=103)
    rate = CoverageTotal(
        currency_pair="USDT/USD", exchange="kraken", counts=counts, provisional_days=1, final_days=0, unrecorded=0
    )
    output = run(WHOLE, rates=[rate]).output
    assert "every minute is accounted for" in output
    assert "Rates: 340 minutes are open, of USDT/USD @ kraken (237 silent so far, requested again); the days" in output
    assert "Rates: " not in run(WHOLE, final_days=1).output


def test_the_sums_say_how_they_relate_to_merged_candles(run):
    output = run(WHOLE, final_days=1).output
    assert "Each exchange's minutes count separately: 3 per minute of a symbol. Merged candles count once" in output
