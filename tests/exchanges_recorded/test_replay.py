"""Each exchange's responses, read through its adapter over HTTP: candles, market lists, and classes of errors."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from candle_ingest.candles.row_checks import Page
from candle_ingest.candles.timeframe import Timeframe
from candle_ingest.candles.window import MINUTE_MS, Window
from candle_ingest.connections import ExchangeConnection
from candle_ingest.errors import CandleIngestError, PermanentError
from candle_ingest.exchanges.candle_pages import candle_pages
from candle_ingest.exchanges.client import ExchangeClient
from candle_ingest.exchanges.error_mapping import (
    ExchangeBlockedError,
    ExchangeKeyError,
    ExchangeLimitedError,
    ExchangeRefusedError,
    ExchangeTemporaryError,
    ExchangeUnavailableError,
)
from candle_ingest.exchanges.profiles import PROFILES
from dev.exchange_simulator.error_answers import Meaning, error_names, find_error
from tests.exchanges_recorded.replay_server import Reply, replaying

ANSWERS = Path(__file__).parent / "answers"
RECORDED = Path(__file__).parent / "recorded"
START_MS = 1_773_100_800_000
WINDOW = Window(START_MS, START_MS + 4 * MINUTE_MS)
NOW_MS = WINDOW.end_ms + 30_000
ATTEMPTS = 5
CLASSES: dict[Meaning, type[CandleIngestError]] = {
    Meaning.BUSY: ExchangeUnavailableError,
    Meaning.LIMITED: ExchangeLimitedError,
    Meaning.REGION: ExchangeBlockedError,
    Meaning.KEY: ExchangeKeyError,
    Meaning.FINAL: ExchangeRefusedError,
}
ROWS = [
    (START_MS, 70000.1, 70010.5, 69990.2, 70005.3, 1.25),
    (START_MS + MINUTE_MS, 70005.3, 70050.0, 70005.3, 70049.9, 0.5),
    (START_MS + 2 * MINUTE_MS, 70049.9, 70049.9, 70049.9, 70049.9, 0.0),
    (START_MS + 3 * MINUTE_MS, 70049.8, 70060.2, 70001.0, 70010.0, 2.0),
]
HALTED = {
    "binance": "XMR/USDT", "binanceus": "BTC/USD", "coinbaseexchange": "OMG/USD", "coinbase": "OMG/USD",
    "kraken": "OMG/USD", "kucoin": "REQ/USDT", "htx": "OMG/USDT", "okx": "XMR/USDT", "bitstamp": "OMG/USD",
    "gate": "OMG/USDT",
}  # fmt: skip
ERRORS = [(exchange, name) for exchange in PROFILES for name in error_names(exchange)]


def recorded(exchange: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((ANSWERS / f"{exchange}.json").read_text(encoding="utf-8"))
    return found


def open_client(exchange: str, url: str, now_ms: int = NOW_MS) -> ExchangeClient:
    client = ExchangeClient(ExchangeConnection(exchange, url), sleep=lambda _: None)
    client._api.milliseconds = lambda: now_ms
    client._api.seconds = lambda: now_ms // 1000
    client._api.enableRateLimit = False
    return client


def market_of(exchange: str) -> dict[str, Any]:
    found = recorded(exchange)
    base, quote = found["symbol"].split("/")
    names = {"base": base, "quote": quote, "baseId": base, "quoteId": quote}
    return {"id": found["id"], "symbol": found["symbol"], **names, "active": True}


def replies(bodies: dict[str, Any]):
    def answer(path: str, number: int) -> Reply:
        return Reply(bodies[path]) if path in bodies else Reply({"unexpected path": path}, 500)

    return answer


def test_there_are_answers_of_all_eleven_exchanges_with_their_sources():
    assert {path.stem for path in ANSWERS.glob("*.json")} == set(PROFILES)
    assert all("docs" in recorded(exchange)["source"] for exchange in PROFILES)


@pytest.mark.parametrize("exchange", PROFILES)
def test_candles_are_read_as_the_exchange_sends_them(exchange):
    with replaying(replies(recorded(exchange)["candles"]), NOW_MS) as url:
        [page] = candle_pages(open_client(exchange, url), market_of(exchange), [WINDOW], Timeframe(1), NOW_MS)
    quiet_are_flat = recorded(exchange)["quiet"] == "flat"
    assert page.failed_reason == ""
    assert page.checked.candles.rows() == [row for row in ROWS if row[5] or quiet_are_flat]
    assert not page.checked.rejected


def recorded_pages(exchange: str) -> list[Page]:
    """Return the pages that a fetch makes of a recorded response of the exchange."""
    found = json.loads((RECORDED / f"{exchange}.json").read_text(encoding="utf-8"))
    window = Window(found["start_ms"], found["start_ms"] + found["hours"] * 60 * MINUTE_MS)
    base, quote = found["symbol"].split("/")
    market = {"id": found["id"], "symbol": found["symbol"], "base": base, "quote": quote, "active": True}
    made_ms = window.end_ms + MINUTE_MS
    with replaying(replies(found["bodies"]), made_ms) as url:
        client = open_client(exchange, url, made_ms)
        return list(
            candle_pages(client, {**market, "baseId": base, "quoteId": quote}, [window], Timeframe(60), made_ms)
        )


@pytest.mark.parametrize("path", sorted(RECORDED.glob("*.json")), ids=lambda path: path.stem)
def test_recorded_answers_are_read_as_ccxt_reads_them(path):
    [page] = recorded_pages(path.stem)
    assert page.failed_reason == ""
    expected = json.loads(path.read_text(encoding="utf-8"))["candles"]
    assert page.checked.candles.rows() == [tuple(row) for row in expected]


def test_a_recorded_row_in_progress_is_left_open():
    [page] = recorded_pages("gate")
    assert page.checked.rejected == {"unfinished, according to the exchange": 1}


@pytest.mark.parametrize("exchange", ["binance", "binanceus", "bybit", "htx", "kraken", "kucoin", "okx"])
def test_recorded_quote_volumes_are_those_of_base_volumes(exchange):
    [page] = recorded_pages(exchange)
    rows, quote_volumes = page.checked.candles.rows(), page.checked.candles.extra_column("quote_volume")
    assert all(low <= q / v <= high for (_, _, high, low, _, v), q in zip(rows, quote_volumes, strict=True))


@pytest.mark.parametrize("exchange", PROFILES)
def test_market_lists_name_markets_and_whether_they_trade(exchange):
    found = recorded(exchange)
    with replaying(replies(found["markets"]), NOW_MS) as url:
        markets = {market["symbol"]: market for market in open_client(exchange, url).fetch_markets()}
    main = markets[found["symbol"]]
    assert (main["id"], main["active"]) == (found["id"], True)
    if exchange in HALTED:
        halted = markets.get(HALTED[exchange])
        assert halted is None or not halted["active"]


def test_a_market_can_have_a_name_in_another_script():
    with replaying(replies(recorded("binance")["markets"]), NOW_MS) as url:
        assert "币安人生/USDT" in {market["symbol"] for market in open_client("binance", url).fetch_markets()}


@pytest.mark.parametrize(("exchange", "name"), ERRORS)
def test_each_error_has_its_class(exchange, name):
    error = find_error(exchange, name)
    requested = []

    def answer(path: str, number: int) -> Reply:
        requested.append(path)
        return Reply(error.body, error.status)

    with replaying(answer, NOW_MS) as url:
        client = open_client(exchange, url)
        with pytest.raises(CandleIngestError) as raised:
            client.inspect_rows(market_of(exchange), Timeframe(1), WINDOW)
    assert type(raised.value) is CLASSES[error.meaning], raised.value
    tries = 1 if isinstance(raised.value, PermanentError) else ATTEMPTS
    assert len(requested) == tries


@pytest.mark.parametrize("exchange", PROFILES)
def test_an_error_of_the_market_list_has_its_class_too(exchange):
    temporary = next(name for name in error_names(exchange) if find_error(exchange, name).meaning is Meaning.BUSY)
    error = find_error(exchange, temporary)
    with replaying(lambda path, number: Reply(error.body, error.status), NOW_MS) as url:
        client = open_client(exchange, url)
        with pytest.raises(ExchangeTemporaryError):
            client.fetch_markets()


def test_a_dark_pool_is_never_taken_for_its_pair():
    with replaying(replies(recorded("kraken")["markets_with_dark_pool"]), NOW_MS) as url:
        markets = open_client("kraken", url).fetch_markets()
    assert [market["id"] for market in markets if market["symbol"] == "BTC/USD"] == ["XXBTZUSD"]
    assert not [market for market in markets if ".d" in market["id"]]


def test_a_list_of_gate_survives_its_margin_list():
    bodies = recorded("gate")["markets"]

    def answer(path: str, number: int) -> Reply:
        return Reply({"label": "SERVER_ERROR", "message": "down"}, 500) if "margin" in path else Reply(bodies[path])

    with replaying(answer, NOW_MS) as url:
        assert "BTC/USDT" in {market["symbol"] for market in open_client("gate", url).fetch_markets()}


def test_of_a_time_that_comes_twice_the_last_row_counts():
    with replaying(replies(recorded("bitstamp")["candles_with_a_time_twice"]), NOW_MS) as url:
        [page] = candle_pages(open_client("bitstamp", url), market_of("bitstamp"), [WINDOW], Timeframe(1), NOW_MS)
    assert page.checked.candles.rows() == ROWS
    assert page.checked.corrections
