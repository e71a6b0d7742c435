"""The exchanges' own errors, oddities of kraken, and exchanges that deviate from the known facts."""

from collections.abc import Iterator
from typing import Any

import pytest
import requests

from dev.exchange_simulator.candle_columns import MINUTE_MS
from dev.exchange_simulator.error_answers import CLOUDFLARE, ERRORS, Meaning, error_names, find_error
from dev.exchange_simulator.false_facts import FACTS
from dev.exchange_simulator.market_events import MarketEvent
from dev.exchange_simulator.markets import EXCHANGES
from dev.exchange_simulator.process import SimulatorProcess
from tests.dev.exchange_simulator.ccxt_client import NOW_MS, Connect, connect_ccxt

END_MS = NOW_MS // MINUTE_MS * MINUTE_MS
# Tested separately, here or in the tests of `doctor`.
ELSEWHERE = ("timeframes", "cursor", "date", "age", "day", "double_row", "unfinished", "symbols", "pace")
PATHS = {
    "binance": ("api/v3/klines", {"symbol": "BTCUSDT", "interval": "1m", "limit": 500}),
    "kraken": ("0/public/OHLC", {"pair": "XBTUSD"}),
    "kucoin": ("api/v1/market/candles", {"symbol": "BTC-USDT", "type": "1min"}),
    "coinbaseexchange": ("products/BTC-USD/trades", {}),
    "coinbase": ("api/v3/brokerage/market/products/BTC-USD/ticker", {"limit": 500}),
    "bitstamp": ("api/v2/transactions/btcusd/", {"time": "hour"}),
}


@pytest.fixture(autouse=True)
def _sound_again(simulator: SimulatorProcess) -> Iterator[None]:
    yield
    simulator.clear_faults()
    simulator.clear_events()


def get(simulator: SimulatorProcess, exchange: str, **more: Any) -> requests.Response:
    path, query = PATHS[exchange]
    return requests.get(f"{simulator.exchange_url(exchange)}/{path}", params={**query, **more}, timeout=10)


@pytest.mark.parametrize(("exchange", "name"), [(e, name) for e in EXCHANGES for name in error_names(e)])
def test_each_error_is_sent_as_the_exchange_sends_it(simulator: SimulatorProcess, exchange: str, name: str) -> None:
    error = find_error(exchange, name)
    assert error is not None
    simulator.set_fault(exchange, "error", error=name, count=1)
    answer = requests.get(f"{simulator.exchange_url(exchange)}/any", timeout=10)
    assert answer.status_code == error.status
    assert (answer.text if isinstance(error.body, str) else answer.json()) == error.body


def test_every_exchange_has_a_passing_and_a_final_error_and_knows_its_source() -> None:
    for exchange in EXCHANGES:
        meanings = {error.meaning for error in ERRORS[exchange].values()}
        assert meanings >= {Meaning.BUSY, Meaning.LIMITED, Meaning.FINAL}
    assert all(error.source for errors in ERRORS.values() for error in errors.values())
    assert set(CLOUDFLARE) == set(range(520, 531))


def test_an_unknown_error_is_refused_with_the_known_ones(simulator: SimulatorProcess) -> None:
    fault = {"exchange": "bybit", "kind": "error", "error": "31337"}
    answer = requests.post(f"{simulator.url}/_control/faults", json=fault, timeout=5)
    assert answer.status_code == 400
    assert "10016" in answer.json()["error"]


def test_old_market_lists_of_kraken_hold_dark_pools(simulator: SimulatorProcess) -> None:
    url = f"{simulator.exchange_url('kraken')}/0/public/AssetPairs"
    assert not [id_ for id_ in requests.get(url, timeout=10).json()["result"] if id_.endswith(".d")]
    simulator.set_fault("kraken", "dark_pools")
    pools = {id_: pair for id_, pair in requests.get(url, timeout=10).json()["result"].items() if id_.endswith(".d")}
    assert pools["XXBTZUSD.d"]["altname"] == "XBTUSD.d"
    assert all("wsname" not in pair for pair in pools.values())


def test_trades_of_kraken_can_be_without_ids(simulator: SimulatorProcess) -> None:
    simulator.set_fault("kraken", "zero_ids", path="Trades")
    url = f"{simulator.exchange_url('kraken')}/0/public/Trades"
    trades = requests.get(url, params={"pair": "XBTUSD"}, timeout=10).json()["result"]["XXBTZUSD"]
    assert {trade[6] for trade in trades} == {0}


def test_the_margin_list_of_gate_can_fail_alone(simulator: SimulatorProcess) -> None:
    simulator.set_fault("gate", "error", error="SERVER_ERROR", path="margin")
    base = f"{simulator.exchange_url('gate')}/api/v4"
    assert requests.get(f"{base}/margin/currency_pairs", timeout=10).status_code == 500
    assert requests.get(f"{base}/spot/currency_pairs", timeout=10).status_code == 200


@pytest.mark.parametrize(("exchange", "fact"), [
    *(("binance", fact) for fact in FACTS if fact not in ELSEWHERE),
    *(("kucoin", fact) for fact in ("rows", "order", "quiet", "limit_headers")),
    *(("kraken", fact) for fact in ("start", "history", "volume")),
])  # fmt: skip
def test_a_false_fact_shows_in_the_answer(simulator: SimulatorProcess, exchange: str, fact: str) -> None:
    simulator.add_events(
        [MarketEvent(kind="quiet", exchange=exchange, start_ms=END_MS - 20 * MINUTE_MS, end_ms=END_MS - 5 * MINUTE_MS)]
    )

    def seen() -> tuple[Any, dict[str, str]]:
        answer = get(simulator, exchange)
        return answer.json(), {key: value for key, value in answer.headers.items() if "imit" in key or "MBX" in key}

    proper = seen()
    simulator.set_fault(exchange, "false_fact", fact=fact)
    assert seen() != proper


def test_false_headers_date_age_cursor_and_timeframes(simulator: SimulatorProcess) -> None:
    proper = get(simulator, "binance").headers["Date"]
    simulator.set_fault("binance", "false_fact", fact="date", count=1)
    assert get(simulator, "binance").headers["Date"] != proper
    simulator.set_fault("binance", "false_fact", fact="age", count=1)
    assert get(simulator, "binance").headers["Age"] == "900"
    simulator.set_fault("binance", "false_fact", fact="timeframes", count=1)
    assert get(simulator, "binance", interval="5m").status_code == 400
    simulator.set_fault("kraken", "false_fact", fact="cursor", count=1)
    url = f"{simulator.exchange_url('kraken')}/0/public/Trades"
    since = (NOW_MS - 3_600_000) * 10**6
    answer = requests.get(url, params={"pair": "XBTUSD", "since": since}, timeout=10).json()["result"]
    assert answer["last"] == str(since)


@pytest.mark.parametrize(
    ("exchange", "symbol"), [("coinbaseexchange", "BTC/USD"), ("coinbase", "BTC/USD"), ("bitstamp", "BTC/USD")]
)
def test_trades_add_up_to_the_volume_of_their_minute(
    simulator: SimulatorProcess, connected: Connect, exchange: str, symbol: str
) -> None:
    api = connect_ccxt(simulator, exchange)
    if exchange == "coinbase":
        api.has["fetchTrades"] = True
    since = END_MS - MINUTE_MS
    [candle] = api.fetch_ohlcv(symbol, "1m", since, 1)
    trades = [trade for trade in api.fetch_trades(symbol, None, 500) if since <= trade["timestamp"] < END_MS]
    assert sum(trade["amount"] for trade in trades) == pytest.approx(candle[5])
