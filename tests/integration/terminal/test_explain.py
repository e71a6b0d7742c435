"""`explain`: what a candle was merged from, what was left out of it, and why there is none."""

from __future__ import annotations

import json
import re

import pytest

from candle_ingest.candles.window import HOUR_MS, Window, format_ms
from candle_ingest.errors.symbols import NothingMergedError
from candle_ingest.pipelines import load_pipelines
from tests.integration.steps import merged_truth
from tests.integration.terminal.commands import content, run, text
from tests.integration.terminal.day import DAY, EXCHANGES, NOON_MS, catch_up, fill_without_coinbase

pytestmark = pytest.mark.integration


@pytest.mark.usefixtures("filled")
def test_a_candle_is_explained():
    moment = format_ms(NOON_MS)
    found = content("explain", "btcusd", moment)
    [truth] = merged_truth(EXCHANGES, Window(NOON_MS, NOON_MS + 60_000), known_from_ms=DAY.start_ms)
    assert list(found["stored"].values()) == list(truth[1:])
    assert [(part["exchange"], part["market"]) for part in found["parts"]] == [
        ("binance", "BTC/USDT"),
        ("coinbaseexchange", "BTC/USD"),
    ]
    volumes = [part["candle"]["volume"] for part in found["parts"]]
    assert found["parts"][0]["weight"] == pytest.approx(volumes[0] / sum(volumes))
    assert sum(part["percent"] for part in found["parts"]) == pytest.approx(100)
    output = text("explain", "BTC/USD", moment)
    assert re.search(r"binance: used, BTC/USDT × [01]\.\d+ \(USDT/USD: bitstamp, coinbaseexchange, kraken\)", output)
    assert output.splitlines()[-1].startswith("Complete: the stored candle matches its parts. Grade B")


@pytest.mark.usefixtures("filled")
def test_without_a_time_the_last_final_candle_is_explained():
    found = content("explain", "btcusd")
    assert found["open_time_ms"] == DAY.end_ms - 60_000
    assert "Grade B, final." in found["verdict"]


def test_a_symbol_of_which_nothing_is_merged_says_so(settings, redis_server):
    redis_server.client().set("top_cryptocurrencies", json.dumps(["btcusd", "ethusd"]))
    catch_up(settings, params={"symbols": ["btcusd"]})
    with pytest.raises(NothingMergedError, match="no candle of ETH/USD is merged yet"):
        run("explain", "ethusd")


@pytest.mark.usefixtures("filled")
def test_of_a_symbol_that_left_redis_no_run_is_promised(redis_server):
    redis_server.client().set("top_cryptocurrencies", json.dumps(["ethusd"]))
    output = text("explain", "BTC/USD", format_ms(DAY.end_ms + 12 * HOUR_MS), status=1)
    assert output.splitlines()[-1] == "Not asked for. BTC/USD is not in Redis: no run requests it by itself."


@pytest.mark.usefixtures("without_coinbase")
def test_what_was_left_out_of_a_candle_is_named_with_its_reason():
    output = text("explain", "BTC/USD", format_ms(NOON_MS), status=1)
    [line] = [line for line in output.splitlines() if line.startswith("coinbaseexchange: failed: ")]
    assert "503" in line
    found = content("explain", "BTC/USD", format_ms(NOON_MS), status=1)
    assert (found["complete"], found["merged"]) == (False, True)
    assert found["verdict"].startswith("Merged, but not complete. coinbaseexchange failed: ")


def test_what_is_not_merged_says_what_is_needed(settings, exchanges, monkeypatch):
    monkeypatch.setenv("CANDLE_INGEST_MIN_EXCHANGES_REQUIRED", "2")
    fill_without_coinbase(load_pipelines()["candle"], exchanges)
    found = content("explain", "BTC/USD", format_ms(NOON_MS), status=1)
    assert found["verdict"].startswith("Not merged: 1 of 2 needed answered. coinbaseexchange failed: ")
    assert found["verdict"].endswith("Stored: the candles of binance.")
    assert (found["stored"], found["computed"]["volume"] > 0) == (None, True)
