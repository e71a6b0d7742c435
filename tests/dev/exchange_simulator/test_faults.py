"""Each kind of fault as unmodified ccxt sees it."""

import math
import time
from collections.abc import Iterator
from typing import Any

import ccxt
import pytest
import requests

from dev.exchange_simulator.markets import EXCHANGES
from dev.exchange_simulator.process import SimulatorProcess
from tests.dev.exchange_simulator.ccxt_client import NOW_MS, Connect, connect_ccxt

MINUTE_MS = 60_000
SYMBOLS = {name: "BTC/USD" if name in ("coinbaseexchange", "kraken") else "BTC/USDT" for name in EXCHANGES}


@pytest.fixture(autouse=True)
def _no_faults_left(simulator: SimulatorProcess) -> Iterator[None]:
    yield
    simulator.clear_faults()


def page(connected: Connect, name: str) -> list[list[Any]]:
    since = NOW_MS // MINUTE_MS * MINUTE_MS - 10 * MINUTE_MS
    rows: list[list[Any]] = connected(name).fetch_ohlcv(SYMBOLS[name], "1m", since, 10)
    return rows


@pytest.mark.parametrize(
    ("name", "status", "error"),
    [
        ("binance", 451, ccxt.ExchangeNotAvailable),
        ("binance", 418, ccxt.DDoSProtection),
        ("binance", 429, ccxt.DDoSProtection),
        ("binance", 503, ccxt.ExchangeNotAvailable),
        ("coinbaseexchange", 429, ccxt.RateLimitExceeded),
        ("coinbaseexchange", 500, ccxt.ExchangeNotAvailable),
        ("kraken", 520, ccxt.ExchangeNotAvailable),
        ("kucoin", 504, ccxt.RequestTimeout),
        ("htx", 502, ccxt.ExchangeNotAvailable),
    ],
)
def test_statuses(name: str, status: int, error: type[Exception], connected: Connect, simulator: Any) -> None:
    connected(name)
    simulator.set_fault(name, "status", status=status, count=1, headers={"Retry-After": "7"})
    with pytest.raises(error, match=str(status)):
        page(connected, name)
    assert connected(name).last_response_headers["Retry-After"] == "7"
    assert len(page(connected, name)) == 10


@pytest.mark.parametrize(
    ("name", "body", "error"),
    [
        ("kraken", '{"error":["EService:Unavailable"]}', ccxt.ExchangeNotAvailable),
        ("kraken", '{"error":["EAPI:Rate limit exceeded"]}', ccxt.DDoSProtection),
        ("kucoin", '{"code":"400302","msg":"restricted"}', ccxt.ExchangeError),
        ("htx", '{"status":"error","err-code":"too-many-requests","err-msg":"x"}', ccxt.ExchangeError),
    ],
)
def test_bodies_of_errors(name: str, body: str, error: type[Exception], connected: Connect, simulator: Any) -> None:
    connected(name)
    simulator.set_fault(name, "body", body=body, count=1)
    with pytest.raises(error):
        page(connected, name)


def test_a_page_that_is_not_json(connected: Connect, simulator: SimulatorProcess) -> None:
    """With status 200 ccxt raises nothing: rows of None, or with `since` no rows, as if there had been no trades."""
    binance = connected("binance")
    simulator.set_fault("binance", "body", body="html", count=2)
    rows = binance.fetch_ohlcv("BTC/USDT", "1m")
    assert rows[0] == [None] * 6
    assert page(connected, "binance") == []
    assert binance.last_http_response.startswith("<html>")


@pytest.mark.parametrize("when", ["before", "middle"])
def test_resets(when: str, connected: Connect, simulator: SimulatorProcess) -> None:
    connected("kraken")
    simulator.set_fault("kraken", "reset", when=when, path="OHLC", count=1)
    with pytest.raises(ccxt.NetworkError):
        page(connected, "kraken")
    assert len(page(connected, "kraken")) == 10


def test_a_hanging_request_is_counted(connected: Connect, simulator: SimulatorProcess) -> None:
    url = f"{simulator.exchange_url('kraken')}/0/public/Time"
    simulator.reset_requests()
    simulator.set_fault("kraken", "delay", seconds=2, count=1)
    with pytest.raises(requests.exceptions.ReadTimeout):
        requests.get(url, timeout=0.1)
    assert simulator.requests()["kraken"]["/0/public/Time"]["faulted"] == 1


def test_a_client_sees_a_connection_reset(simulator: SimulatorProcess) -> None:
    simulator.set_fault("kraken", "reset", count=1)
    with pytest.raises(requests.exceptions.ConnectionError, match="reset by peer"):
        requests.get(f"{simulator.exchange_url('kraken')}/0/public/Time", timeout=5)


def test_truncated_bodies(connected: Connect, simulator: SimulatorProcess) -> None:
    connected("htx")
    simulator.set_fault("htx", "truncate", count=2)
    with pytest.raises(ccxt.NetworkError):
        page(connected, "htx")
    url = f"{simulator.exchange_url('htx')}/market/history/candles?symbol=btcusdt&period=1min"
    with requests.get(url, stream=True, timeout=5) as response:
        promised = int(response.headers["Content-Length"])
        with pytest.raises(requests.exceptions.ChunkedEncodingError):
            assert len(response.content) < promised


def test_delays(connected: Connect, simulator: SimulatorProcess) -> None:
    connected("kucoin")
    simulator.set_fault("kucoin", "delay", seconds=0.3, count=1)
    started = time.monotonic()
    assert page(connected, "kucoin")
    assert time.monotonic() - started > 0.3


@pytest.mark.parametrize("name", EXCHANGES)
def test_empty_answers(name: str, connected: Connect, simulator: SimulatorProcess) -> None:
    connected(name)
    simulator.set_fault(name, "empty", count=1)
    assert page(connected, name) == []


def is_wrong(kind: str, rows: list[list[Any]]) -> bool:
    """Return whether rows have the fault of this kind."""
    times = [row[0] for row in rows]
    closes = [row[4] for row in rows]
    wrong = {
        "null": None in closes,
        "nan": any(isinstance(close, float) and math.isnan(close) for close in closes),
        "negative": any(row[3] < 0 for row in rows),
        "high_below_low": any(row[2] < row[3] for row in rows),
        "off_grid": any(time % MINUTE_MS for time in times),
        "duplicate": len(set(times)) < len(times),
    }
    return wrong[kind]


@pytest.mark.parametrize("kind", ["null", "nan", "negative", "high_below_low", "off_grid", "duplicate"])
@pytest.mark.parametrize("name", EXCHANGES)
def test_wrong_rows(name: str, kind: str, connected: Connect, simulator: SimulatorProcess) -> None:
    connected(name)
    simulator.set_fault(name, kind, count=1)
    assert is_wrong(kind, page(connected, name))
    assert len(page(connected, name)) == 10


@pytest.mark.parametrize("name", ["coinbaseexchange", "kucoin"])
def test_unsorted_and_wrong_unit_on_the_wire(name: str, simulator: SimulatorProcess) -> None:
    """Without ccxt, which sorts rows and filters them by time."""
    path = {
        "coinbaseexchange": "products/BTC-USD/candles?granularity=60",
        "kucoin": "api/v1/market/candles?symbol=BTC-USDT&type=1min",
    }[name]

    def times() -> list[int]:
        answer = requests.get(f"{simulator.exchange_url(name)}/{path}", timeout=5).json()
        return [int(row[0]) for row in (answer if isinstance(answer, list) else answer["data"])]

    proper = times()
    simulator.set_fault(name, "unsorted", count=1)
    mixed = times()
    assert mixed != proper
    assert sorted(mixed, reverse=True) == proper
    simulator.set_fault(name, "seconds_timestamps", count=1)
    assert times() == [time * 1000 for time in proper]
    simulator.clear_faults()
    assert times() == proper


def test_a_fault_is_limited_to_exchange_path_and_count(connected: Connect, simulator: SimulatorProcess) -> None:
    exchange = connected("kraken")
    simulator.set_fault("kraken", "status", status=500, path="OHLC", count=2)
    assert exchange.public_get_assets()["result"]
    assert page(connected, "binance")
    for _ in range(2):
        with pytest.raises(ccxt.ExchangeNotAvailable):
            page(connected, "kraken")
    assert page(connected, "kraken")


@pytest.mark.parametrize(
    ("description", "words"),
    [
        ([], "JSON object"),
        ({"exchange": "nyse", "kind": "status"}, "exchange 'nyse'"),
        ({"exchange": "kraken", "kind": "flood"}, "kind 'flood'"),
        ({"exchange": "kraken", "kind": "status", "colour": "red"}, "unknown colour"),
        ({"exchange": "kraken", "kind": "status", "count": "many"}, "count: 'many' is not a value of type int"),
        ({"exchange": "kraken", "kind": "body"}, "needs a body"),
    ],
)
def test_invalid_faults_are_refused(description: Any, words: str, simulator: SimulatorProcess) -> None:
    response = requests.post(f"{simulator.url}/_control/faults", json=description, timeout=5)
    assert response.status_code == 400
    assert words in response.json()["error"]


def test_faults_can_be_seen(simulator: SimulatorProcess) -> None:
    simulator.set_fault("htx", "delay", seconds=0)
    shown = requests.get(f"{simulator.url}/_control/faults", timeout=5).json()
    assert [(fault["exchange"], fault["kind"], fault["count"]) for fault in shown] == [("htx", "delay", None)]


@pytest.mark.parametrize(
    ("kind", "looks"),
    [
        ("null_row", lambda rows: any(row[0] is None for row in rows)),
        ("infinity", lambda rows: any(row[2] == math.inf for row in rows)),
        ("zero", lambda rows: any(row[3] == 0 for row in rows)),
        ("outside", lambda rows: rows[0][0] < NOW_MS - 80_000_000),
        ("contradiction", lambda rows: len({row[0] for row in rows}) == 10 and len({tuple(row) for row in rows}) == 11),
        ("open_candle", lambda rows: len(rows) == 11),
        ("earlier", lambda rows: len(rows) == 30),
    ],
)
def test_further_wrong_rows(kind: str, looks: Any, simulator: SimulatorProcess) -> None:
    since = NOW_MS // MINUTE_MS * MINUTE_MS - 10 * MINUTE_MS
    url = f"{simulator.exchange_url('binance')}/api/v3/klines?symbol=BTCUSDT&interval=1m&startTime={since}&limit=10"
    assert not looks(_numbers(requests.get(url, timeout=5).json()))
    simulator.set_fault("binance", kind)
    assert looks(_numbers(requests.get(url, timeout=5).json()))


def _numbers(rows: list[list[Any]]) -> list[list[Any]]:
    numbers = [[None if value is None else float(value) for value in row[:6]] for row in rows]
    return sorted(numbers, key=lambda row: row[0] or 0)


def test_a_stale_response_is_the_previous_one(simulator: SimulatorProcess) -> None:
    url = f"{simulator.exchange_url('binance')}/api/v3/klines?symbol=BTCUSDT&interval=1m&limit=3&endTime="
    first = requests.get(f"{url}{NOW_MS - 600_000}", timeout=5).json()
    simulator.set_fault("binance", "stale")
    assert requests.get(f"{url}{NOW_MS}", timeout=5).json() == first


def test_an_aged_response_is_an_earlier_one_with_its_age(simulator: SimulatorProcess) -> None:
    url = f"{simulator.exchange_url('binance')}/api/v3/klines?symbol=BTCUSDT&interval=1m&limit=3"
    fresh = requests.get(url, timeout=5)
    simulator.set_fault("binance", "aged", seconds=600)
    aged = requests.get(url, timeout=5)
    assert aged.json()[-1][0] == fresh.json()[-1][0] - 600_000
    assert (aged.headers["Age"], "Age" in fresh.headers) == ("600", False)


@pytest.mark.parametrize("name", EXCHANGES)
def test_a_market_that_is_halted_is_not_traded_and_serves_its_candles(
    name: str, connected: Connect, simulator: SimulatorProcess
) -> None:
    connected(name)
    simulator.set_fault(name, "halted", market=SYMBOLS[name])
    assert page(connected, name)
    listed = {market["symbol"]: market["active"] for market in connect_ccxt(simulator, name).fetch_markets()}
    # Bybit and OKX list only what trades.
    assert listed.get(SYMBOLS[name], False) is False


@pytest.mark.parametrize("name", EXCHANGES)
def test_a_market_that_is_gone(name: str, connected: Connect, simulator: SimulatorProcess) -> None:
    connected(name)
    simulator.set_fault(name, "gone", market=SYMBOLS[name])
    with pytest.raises(ccxt.BaseError):
        page(connected, name)
    # A new object: ccxt's bitstamp keeps its list of markets for a second.
    assert SYMBOLS[name] not in {market["symbol"] for market in connect_ccxt(simulator, name).fetch_markets()}
