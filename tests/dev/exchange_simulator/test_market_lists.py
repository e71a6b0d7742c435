import ccxt
import pytest
import requests

from dev.exchange_simulator.markets import DOLLAR_EXCHANGES, EXCHANGES, list_markets
from dev.exchange_simulator.process import SimulatorProcess
from tests.dev.exchange_simulator.ccxt_client import Connect, redirect

CALLS = {
    "binance": {"/api/v3/exchangeInfo"},
    "coinbaseexchange": {"/currencies", "/products"},
    "kraken": {"/0/public/Assets", "/0/public/AssetPairs"},
    "kucoin": {"/api/v3/currencies", "/api/v2/symbols"},
    "htx": {"/v2/reference/currencies", "/v1/common/symbols"},
    "binanceus": {"/api/v3/exchangeInfo"},
    "coinbase": {"/api/v3/brokerage/market/products"},
    "okx": {"/api/v5/public/instruments"},
    "bybit": {"/v5/market/instruments-info"},
    "bitstamp": {"/api/v2/markets/"},
    "gate": {"/api/v4/spot/currency_pairs", "/api/v4/margin/currency_pairs"},
}


@pytest.mark.parametrize("name", EXCHANGES)
def test_ccxt_finds_every_listed_market(name: str, connected: Connect, simulator: SimulatorProcess) -> None:
    markets = connected(name).markets
    known = {market.symbol: market for market in list_markets(name)}
    assert set(markets) <= set(known)
    assert len(markets) > 75
    assert all(markets[symbol]["id"] == known[symbol].id for symbol in markets)
    assert all(markets[symbol]["spot"] for symbol in markets)
    assert all(
        markets[symbol]["precision"]["price"] == pytest.approx(10 ** -known[symbol].price_decimals)
        for symbol in markets
    )
    assert set(simulator.requests()[name]) >= CALLS[name]


@pytest.mark.parametrize("name", EXCHANGES)
def test_a_market_listed_later_is_not_listed_yet(name: str, connected: Connect) -> None:
    """The clock of these tests is at a time before Coinbase listed PEPE."""
    quote = "USD" if name in DOLLAR_EXCHANGES else "USDT"
    assert (f"PEPE/{quote}" in connected(name).markets) == (name not in ("coinbaseexchange", "coinbase"))


@pytest.mark.parametrize(
    ("symbol", "id_"),
    [
        ("BTC/USD", "XXBTZUSD"),
        ("ETH/USD", "XETHZUSD"),
        ("ETH/BTC", "XETHXXBT"),
        ("BTC/USDT", "XBTUSDT"),
        ("BTC/EUR", "XXBTZEUR"),
        ("DOGE/USD", "XDGUSD"),
        ("SOL/USD", "SOLUSD"),
    ],
)
def test_ids_of_kraken(symbol: str, id_: str, connected: Connect) -> None:
    assert connected("kraken").markets[symbol]["id"] == id_


def test_a_market_that_stopped_trading(simulator: SimulatorProcess, connected: Connect) -> None:
    market = connected("binance").markets["XMR/USDT"]
    assert market["active"] is False
    assert market["info"]["status"] == "BREAK"
    assert connected("binance").markets["BTC/USDT"]["active"] is True


def test_okx_lists_only_what_trades(connected: Connect) -> None:
    assert "XMR/USDT" not in connected("okx").markets
    assert "ETH/USDT" in connected("okx").markets


@pytest.mark.parametrize("name", ["binanceus", "coinbase", "okx", "bybit", "bitstamp", "gate"])
def test_every_path_that_ccxt_requests_is_served(name: str, connected: Connect, simulator: SimulatorProcess) -> None:
    connected(name)
    assert set(simulator.requests()[name]) >= CALLS[name]
    assert "(unknown path)" not in simulator.requests()[name]


@pytest.mark.parametrize("name", EXCHANGES)
def test_an_unlisted_symbol_is_refused_by_ccxt_itself(name: str, connected: Connect) -> None:
    with pytest.raises(ccxt.BadSymbol):
        connected(name).fetch_ohlcv("NOPE/USD")


def test_unknown_paths_and_exchanges(simulator: SimulatorProcess) -> None:
    for path in (
        "binance/api/v3/nope",
        "kraken/1/public/OHLC",
        "coinbaseexchange/products/BTC-USD/nope",
        "nope/x",
    ):
        assert requests.get(f"{simulator.url}/{path}", timeout=5).status_code == 404


def test_default_options_of_ccxt_load_too(simulator: SimulatorProcess) -> None:
    """Without a restriction to spot, ccxt also queries the futures hosts."""
    for name in ("binance", "kucoin"):
        exchange = getattr(ccxt, name)()
        exchange.urls["api"] = redirect(exchange.urls["api"], simulator.exchange_url(name))
        exchange.load_markets()
        assert "BTC/USDT" in exchange.markets
