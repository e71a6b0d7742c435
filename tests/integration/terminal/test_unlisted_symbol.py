"""A symbol that too few exchanges list: what the commands and the page say of it."""

from __future__ import annotations

import pytest

from candle_ingest.errors.symbols import NothingMergedError
from candle_ingest.ledger.notices import Notices, unlisted_key
from candle_ingest.web import views
from candle_ingest.web.address import BadAddressError
from tests.integration.terminal.commands import period, run, text
from tests.integration.terminal.day import DAY, NOW_MS

pytestmark = pytest.mark.integration


@pytest.fixture(autouse=True)
def unlisted(filled, redis_server):
    """The pipeline with its day; Redis lists ABC/USD too, and a run has noticed that too few exchanges have it."""
    redis_server.client().set("top_cryptocurrencies", '["btcusd", "abcusd"]')
    notices = Notices(redis_server.client(decodes=False), filled.influxdb_bucket)
    notices.queue_once({unlisted_key("ABC/USD"): "ABC/USD is left out"}, [])
    return filled


def test_status_names_it_and_counts_only_the_others():
    output = text("status", status=1)
    assert "too few exchanges list ABC/USD" in output
    assert "The only symbol is merged to" in output
    assert output.rstrip().endswith("Too few exchanges list ABC/USD.")


def test_explain_says_why_a_minute_was_not_asked_for():
    explained = text("explain", "ABC/USD", "2026-03-10T12:00Z", status=1)
    assert "Not asked for. Too few exchanges list ABC/USD: check its spelling" in explained


def test_explain_without_a_time_says_why_no_candle_is_merged():
    with pytest.raises(NothingMergedError, match="no candle of ABC/USD is merged: too few exchanges list ABC/USD"):
        run("explain", "ABC/USD")


def test_an_export_is_refused_for_this_reason_only(tmp_path):
    refused = text("export", "ABC/USD", *period(DAY), "--to-file", str(tmp_path / "abc.csv"), status=1)
    assert f"ABC/USD: not merged for {DAY}: too few exchanges list ABC/USD" in refused
    assert "no settled answer" not in refused


def test_the_page_has_a_state_for_it(unlisted):
    states = {symbol["currency_pair"]: symbol["state"] for symbol in views.freshness(unlisted, NOW_MS)["symbols"]}
    assert states["ABC/USD"] == "too few exchanges"


def test_the_summary_of_the_page_names_it(unlisted):
    assert "Too few exchanges list ABC/USD." in views.summary(unlisted, NOW_MS)["sentence"]


def test_a_minute_on_the_page_is_explained_by_it(unlisted):
    verdict = views.explain(unlisted, "ABC/USD", DAY.start_ms, NOW_MS)["verdict"]["text"]
    assert verdict.startswith("Too few exchanges list")


def test_a_day_on_the_page_says_why_no_run_asks_for_it(unlisted):
    assert views.day(unlisted, "ABC/USD", DAY, NOW_MS)["when_asked"].startswith("Too few exchanges list ABC/USD")


def test_an_address_without_a_time_is_refused_for_this_reason(unlisted):
    with pytest.raises(BadAddressError, match="too few exchanges list ABC/USD"):
        views.explain(unlisted, "ABC/USD", None, NOW_MS)
