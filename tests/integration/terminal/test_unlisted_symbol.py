"""A symbol that too few exchanges list: what the commands and the page say of it."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from candle_ingest.__main__ import app
from candle_ingest.candles.window import format_ms
from candle_ingest.errors.symbols import NothingMergedError
from candle_ingest.ledger.notices import Notices, unlisted_key
from candle_ingest.web import views
from candle_ingest.web.address import BadAddressError
from tests.integration.terminal.commands import text
from tests.integration.terminal.day import DAY, NOW_MS

pytestmark = pytest.mark.integration


def test_a_symbol_that_too_few_exchanges_list_says_so(filled, redis_server, tmp_path):
    redis_server.client().set("top_cryptocurrencies", '["btcusd", "abcusd"]')
    notices = Notices(redis_server.client(decodes=False), filled.influxdb_bucket)
    notices.queue_once({unlisted_key("ABC/USD"): "ABC/USD is left out"}, [])
    output = text("status", status=1)
    assert "too few exchanges list ABC/USD" in output
    assert "The only symbol is merged to" in output
    assert output.rstrip().endswith("Too few exchanges list ABC/USD.")
    explained = text("explain", "ABC/USD", "2026-03-10T12:00Z", status=1)
    assert "Not asked for. Too few exchanges list ABC/USD: check its spelling" in explained
    with pytest.raises(NothingMergedError, match="no candle of ABC/USD is merged: too few exchanges list ABC/USD"):
        CliRunner().invoke(app, ["explain", "ABC/USD"], catch_exceptions=False)
    window = ("--from", format_ms(DAY.start_ms), "--to", format_ms(DAY.end_ms))
    refused = text("export", "ABC/USD", *window, "--to-file", str(tmp_path / "abc.csv"), status=1)
    assert f"ABC/USD: not merged for {DAY}: too few exchanges list ABC/USD" in refused
    assert "no settled answer" not in refused
    states = {symbol["currency_pair"]: symbol["state"] for symbol in views.freshness(filled, NOW_MS)["symbols"]}
    assert states["ABC/USD"] == "too few exchanges"
    assert "Too few exchanges list ABC/USD." in views.summary(filled, NOW_MS)["sentence"]
    verdict = views.explain(filled, "ABC/USD", DAY.start_ms, NOW_MS)["verdict"]["text"]
    assert verdict.startswith("Too few exchanges list")
    assert views.day(filled, "ABC/USD", DAY, NOW_MS)["when_asked"].startswith("Too few exchanges list ABC/USD")
    with pytest.raises(BadAddressError, match="too few exchanges list ABC/USD"):
        views.explain(filled, "ABC/USD", None, NOW_MS)
