"""`coverage`: every minute of every exchange, and what is open."""

from __future__ import annotations

import json

import pytest

from candle_ingest.candles.window import DAY_MS, format_ms
from tests.integration.steps import stored
from tests.integration.terminal.commands import content, rows, text
from tests.integration.terminal.day import DAY, EXCHANGES

pytestmark = pytest.mark.integration


def test_coverage_counts_every_minute_once(filled):
    output = text("coverage")
    assert "every minute is accounted for" in output
    answer = content("coverage", "--exchanges")
    found = {row["exchange"]: row for row in answer["rows"]}
    assert set(found) == set(EXCHANGES)
    rates = {(row["currency_pair"], row["exchange"]) for row in answer["rates"]}
    assert rates == {("USDT/USD", name) for name in ("bitstamp", "coinbaseexchange", "kraken")}
    assert "USDT/USD, rate" in text("coverage", "--exchanges")
    for name, row in found.items():
        assert row["expected"] == 1440
        assert row["present"] == len(own_candles(filled, name))
        assert row["present"] + row["quiet"] == 1440


def own_candles(settings, exchange):
    found = stored(settings.influxdb_bucket, "exchange_candles", "BTC/USD", exchange)
    return [row for row in found if DAY.start_ms <= row[0] < DAY.end_ms]


@pytest.mark.usefixtures("without_coinbase")
def test_coverage_tells_what_failed_and_what_nobody_asked_for():
    before = format_ms(DAY.start_ms - DAY_MS)[:10]
    found = content("coverage", "--from", before, "--daily", status=1)["rows"]
    open_minutes = [(row["exchange"], row["day_ms"], row["failed"], row["not_asked"]) for row in found]
    assert open_minutes == [
        ("binance", DAY.start_ms - DAY_MS, 0, 1440),
        ("binance", DAY.start_ms, 0, 0),
        ("coinbaseexchange", DAY.start_ms - DAY_MS, 0, 1440),
        ("coinbaseexchange", DAY.start_ms, 1440, 0),
    ]
    output = text("coverage", "--from", before, status=1)
    assert "1,440 minutes are open; 2,880 minutes are before the history" in output


@pytest.mark.usefixtures("filled")
def test_a_symbol_that_was_never_asked_for_is_open(redis_server):
    redis_server.client().set("top_cryptocurrencies", json.dumps(["btcusd", "ethusd"]))
    assert rows(text("coverage", status=1))["ETH/USD"][-1] == "2,880"
    assert [symbol["up_to_date"] for symbol in content("status", status=1)["symbols"]] == [True, False]
