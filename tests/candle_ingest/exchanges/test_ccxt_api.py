"""ccxt's object of an exchange, as it is opened here."""

import ccxt
import pytest

from candle_ingest.connections import ExchangeConnection
from candle_ingest.errors import ConfigurationError
from candle_ingest.exchanges.answers import ParsedRows
from candle_ingest.exchanges.ccxt_api import open_ccxt
from candle_ingest.exchanges.profiles import EXCHANGE_ALIASES, PROFILES, canonical_exchange, exchange_profile

BASE_URL = "http://127.0.0.1:8080/prefix"


def opened(exchange, **connection):
    return open_ccxt(ExchangeConnection(exchange, **connection), exchange_profile(exchange))


def leaves(urls):
    return [leaf for value in urls.values() for leaf in leaves(value)] if isinstance(urls, dict) else [urls]


@pytest.mark.parametrize("exchange", [*PROFILES, "gemini", "bitfinex"])
def test_every_url_moves_to_the_base_url_and_keeps_its_own_path(exchange):
    own = leaves(getattr(ccxt, exchange)().urls["api"])
    moved = leaves(opened(exchange, base_url=BASE_URL).urls["api"])
    assert moved == [BASE_URL + "".join(url.partition("://")[2].partition("/")[1:]) for url in own]


def test_without_a_base_url_nothing_moves():
    assert opened("binance").urls["api"] == ccxt.binance().urls["api"]


@pytest.mark.parametrize(
    ("exchange", "path", "expected"), [("binance", "klines", "/api/v3/klines"), ("kraken", "OHLC", "/0/public/OHLC")]
)
def test_a_request_goes_to_the_base_url(exchange, path, expected):
    assert opened(exchange, base_url=BASE_URL).sign(path, ["public"])["url"] == BASE_URL + expected


@pytest.mark.parametrize("exchange", ["nowhere", *EXCHANGE_ALIASES])
def test_an_exchange_that_ccxt_does_not_have_is_refused_with_those_that_it_has(exchange):
    with pytest.raises(ConfigurationError, match=rf"knows no exchange '{exchange}'; known are .*kraken"):
        opened(exchange)


@pytest.mark.parametrize("old", ["coinbasepro", "huobi"])
def test_an_old_name_opens_the_exchange_of_today(old):
    assert opened(canonical_exchange(old)).id == EXCHANGE_ALIASES[old]


def test_an_exchange_without_candles_is_refused():
    without = next(name for name in ccxt.exchanges if not getattr(ccxt, name)().has["fetchOHLCV"])
    with pytest.raises(ConfigurationError, match=f"{without} serves no candles"):
        opened(without)


def test_a_response_that_is_not_json_is_not_parsed_letter_by_letter():
    api, parsed = opened("binance"), []
    api.parse_ohlcv = lambda row, market: parsed.append(row)
    with pytest.raises(TypeError, match="text instead of rows"):
        api.parse_ohlcvs("<html>")
    assert parsed == []


class _StopError(Exception):
    """Ends a request before it is made."""


@pytest.mark.parametrize("exchange", PROFILES)
def test_a_request_for_candles_costs_in_ccxt_what_the_table_says(exchange):
    profile, api = exchange_profile(exchange), opened(exchange)
    codes = {**dict.fromkeys(("id", "baseId", "quoteId"), "X"), "symbol": "X/Y", "base": "X", "quote": "Y"}
    api.set_markets([{**codes, "spot": True, "type": "spot", "active": True}])
    costs = []

    def throttle(cost):
        costs.append(cost)
        raise _StopError

    api.throttle = throttle
    with pytest.raises(_StopError):
        api.fetch_ohlcv("X/Y", "1m", since=1_700_000_000_000, limit=profile.rows_per_request)
    if profile.trades_per_request:
        with pytest.raises(_StopError):
            api.publicGetTrades({"pair": "X"})
    assert set(costs) == {profile.call_cost}


@pytest.mark.parametrize("exchange", PROFILES)
def test_no_request_is_spent_on_currencies(exchange):
    assert not opened(exchange).has["fetchCurrencies"]


@pytest.mark.parametrize(
    ("exchange", "spot_only"),
    [
        ("binance", {"types": ["spot"]}),
        ("kucoin", {"types": ["spot"], "fetchTickersFees": False}),
        ("htx", {"types": {"spot": True, "linear": False, "inverse": False}}),
        ("binanceus", {"types": ["spot"]}),
        ("okx", {"types": ["spot"]}),
        ("bybit", {"types": ["spot"]}),
        ("gate", {"types": ["spot"]}),
    ],
)
def test_only_spot_markets_are_asked_for(exchange, spot_only):
    found = opened(exchange).options["fetchMarkets"]
    assert {key: found[key] for key in spot_only} == spot_only


def test_the_connection_adds_key_proxy_and_timeout_and_keeps_the_others():
    config = {"apiKey": "k", "httpProxy": "http://proxy.example", "timeout": 30_000}
    api = opened("binance", config=config)
    assert (api.apiKey, api.httpProxy, api.timeout) == ("k", "http://proxy.example", 30_000)
    assert api.options["fetchMarkets"]["types"] == ["spot"]
    assert api.enableRateLimit


def test_ccxt_gives_each_row_parsed_and_as_it_was_sent():
    rows = [[minute * 60_000, 1.0, 1.0, 1.0, 1.0, 1.0] for minute in range(5)]
    parsed = opened("binance").parse_ohlcvs(rows, None, "1m", 120_000, 1)
    assert parsed == ParsedRows(rows, rows)


def test_rows_come_in_order_of_time_each_with_what_was_sent_for_it():
    sent = [[minute * 60_000, "1", "1", "1", "1", "1", minute] for minute in (3, 1, 2)]
    parsed = opened("binance").parse_ohlcvs(sent)
    assert [row[0] for row in parsed.rows] == [60_000, 120_000, 180_000]
    assert parsed.sent_rows == [sent[1], sent[2], sent[0]]
