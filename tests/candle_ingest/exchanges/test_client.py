import ccxt
import pytest

from candle_ingest.connections import ExchangeConnection
from candle_ingest.errors import ConfigurationError, PermanentError
from candle_ingest.exchanges.client import ATTEMPTS, ExchangeClient, _warn_of_unknown_limits
from candle_ingest.exchanges.error_mapping import ExchangeTemporaryError
from candle_ingest.exchanges.profiles import EXCHANGE_ALIASES, PROFILES, canonical_exchange

BASE_URL = "http://127.0.0.1:8080/prefix"
COMMON_MINUTES = (1, 5, 15, 60)


def opened(exchange, **options):
    connection = {key: options.pop(key) for key in ("base_url", "config") if key in options}
    return ExchangeClient(ExchangeConnection(exchange, **connection), **options)


def leaves(urls):
    return [leaf for value in urls.values() for leaf in leaves(value)] if isinstance(urls, dict) else [urls]


def failing(times, error, answer="answer"):
    """Ask for something that fails so many times before it answers."""
    errors = [error] * times

    def ask():
        if errors:
            raise errors.pop()
        return answer

    return ask


@pytest.mark.parametrize("exchange", [*PROFILES, "gemini", "bitfinex"])
def test_every_url_moves_to_the_base_url_and_keeps_its_own_path(exchange):
    own = leaves(getattr(ccxt, exchange)().urls["api"])
    moved = leaves(opened(exchange, base_url=BASE_URL).api.urls["api"])
    assert moved == [BASE_URL + "".join(url.partition("://")[2].partition("/")[1:]) for url in own]


def test_without_a_base_url_nothing_moves():
    assert opened("binance").api.urls["api"] == ccxt.binance().urls["api"]


@pytest.mark.parametrize(
    ("exchange", "path", "expected"), [("binance", "klines", "/api/v3/klines"), ("kraken", "OHLC", "/0/public/OHLC")]
)
def test_a_request_goes_to_the_base_url(exchange, path, expected):
    assert opened(exchange, base_url=BASE_URL).api.sign(path, ["public"])["url"] == BASE_URL + expected


@pytest.mark.parametrize("exchange", ["nowhere", *EXCHANGE_ALIASES])
def test_an_exchange_that_ccxt_does_not_have_is_refused_with_those_that_it_has(exchange):
    with pytest.raises(ConfigurationError, match=rf"knows no exchange '{exchange}'; known are .*kraken"):
        opened(exchange)


@pytest.mark.parametrize("old", ["coinbasepro", "huobi"])
def test_an_old_name_opens_the_exchange_of_today(old):
    assert opened(canonical_exchange(old)).api.id == EXCHANGE_ALIASES[old]


def test_an_exchange_without_candles_is_refused():
    without = next(name for name in ccxt.exchanges if not getattr(ccxt, name)().has["fetchOHLCV"])
    with pytest.raises(ConfigurationError, match=f"{without} serves no candles"):
        opened(without)


@pytest.mark.parametrize("minutes", COMMON_MINUTES)
@pytest.mark.parametrize("exchange", PROFILES)
def test_timeframes_that_all_exchanges_share_are_usable(exchange, minutes):
    assert minutes % opened(exchange).source_minutes(minutes) == 0


@pytest.mark.parametrize(
    ("exchange", "minutes", "source"),
    [("coinbaseexchange", 3, 1), ("coinbaseexchange", 30, 15), ("coinbaseexchange", 480, 60), ("kraken", 360, 60),
     ("kraken", 720, 240), ("htx", 720, 60), ("htx", 1440, 60), ("binance", 1440, 1440), ("coinbase", 240, 120),
     ("okx", 480, 240), ("bitstamp", 480, 240), ("gate", 3, 1)],
)  # fmt: skip
def test_a_timeframe_that_is_missing_or_opens_at_another_hour_is_built_from_the_largest_that_divides_it(
    exchange, minutes, source
):
    assert opened(exchange).source_minutes(minutes) == source


def test_a_timeframe_that_cannot_be_built_is_refused():
    exchange = opened("htx")
    exchange.api.timeframes = {"5m": "5min"}
    with pytest.raises(ConfigurationError, match=r"htx has no candles that make up 3m .*is 3\); it has 5m"):
        exchange.source_minutes(3)


class _StopError(Exception):
    """Ends a request before it is made."""


@pytest.mark.parametrize("exchange", PROFILES)
def test_a_request_for_candles_costs_to_ccxt_what_the_table_says(exchange):
    asked = opened(exchange)
    asked.use_market({**dict.fromkeys(("id", "baseId", "quoteId"), "X"), "symbol": "X/Y", "base": "X", "quote": "Y"})
    costs = []

    def throttle(cost):
        costs.append(cost)
        raise _StopError

    asked.api.throttle = throttle
    with pytest.raises(_StopError):
        asked.api.fetch_ohlcv("X/Y", "1m", since=1_700_000_000_000, limit=asked.facts.rows_per_request)
    if asked.facts.trades_per_request:
        with pytest.raises(_StopError):
            asked.api.publicGetTrades({"pair": "X"})
    assert set(costs) == {asked.facts.call_cost}


@pytest.mark.parametrize("exchange", PROFILES)
def test_no_request_is_spent_on_currencies(exchange):
    assert not opened(exchange).api.has["fetchCurrencies"]


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
    found = opened(exchange).api.options["fetchMarkets"]
    assert {key: found[key] for key in spot_only} == spot_only


def test_the_connection_adds_keys_and_options_and_keeps_the_others():
    config = {"apiKey": "k", "httpProxy": "http://proxy.example", "options": {"defaultType": "spot"}}
    api = opened("binance", config=config).api
    assert (api.apiKey, api.httpProxy, api.options["defaultType"]) == ("k", "http://proxy.example", "spot")
    assert api.options["fetchMarkets"]["types"] == ["spot"]
    assert api.enableRateLimit


def test_one_market_is_enough_to_ask_for_its_candles():
    exchange = opened("binance")
    exchange.use_market(
        {"id": "BTCUSDT", "symbol": "BTC/USDT", "base": "BTC", "quote": "USDT", "baseId": "BTC", "quoteId": "USDT"}
    )
    assert exchange.api.market("BTC/USDT")["id"] == "BTCUSDT"
    assert list(exchange.api.markets) == ["BTC/USDT"]


def test_ccxt_drops_no_row_in_silence():
    rows = [[minute * 60_000, 1.0, 1.0, 1.0, 1.0, 1.0] for minute in range(5)]
    parsed = opened("binance").api.parse_ohlcvs(rows, None, "1m", 120_000, 1)
    assert [row[0] for row in parsed] == [row[0] for row in rows]


@pytest.mark.parametrize("failures", range(ATTEMPTS))
def test_a_request_is_tried_up_to_five_times(failures):
    waits = []
    exchange = opened("kraken", sleep=waits.append)
    assert exchange.request("a page", failing(failures, ccxt.RequestTimeout("slow"))) == "answer"
    assert (exchange.request_count, len(waits)) == (failures + 1, failures)


def test_after_five_attempts_the_error_says_what_was_asked_of_whom():
    exchange = opened("kraken", sleep=lambda _: None)
    with pytest.raises(ExchangeTemporaryError, match="kraken, a page: RequestTimeout: slow"):
        exchange.request("a page", failing(ATTEMPTS, ccxt.RequestTimeout("slow")))
    assert exchange.request_count == ATTEMPTS


def test_a_permanent_error_is_not_tried_again():
    exchange = opened("kraken", sleep=lambda _: None)
    with pytest.raises(PermanentError):
        exchange.request("a page", failing(1, ccxt.BadSymbol("gone")))
    assert exchange.request_count == 1


def test_it_waits_at_least_as_long_as_the_exchange_says():
    waits = []
    exchange = opened("kraken", sleep=waits.append)
    exchange.api.last_response_headers = {"Retry-After": "45"}
    exchange.request("a page", failing(2, ccxt.RateLimitExceeded("slow down")))
    assert len(waits) == 2
    assert min(waits) >= 45


def test_a_wait_longer_than_a_task_should_sit_is_left_to_airflow():
    waits = []
    exchange = opened("kraken", sleep=waits.append)
    exchange.api.last_response_headers = {"Retry-After": "3600"}
    with pytest.raises(ExchangeTemporaryError):
        exchange.request("a page", failing(1, ccxt.DDoSProtection("banned")))
    assert waits == []


def test_no_wait_is_longer_than_a_minute():
    waits = []
    exchange = opened("kraken", sleep=waits.append)
    exchange.request("a page", failing(ATTEMPTS - 1, ccxt.NetworkError("cut")))
    assert all(0 <= wait <= 60 for wait in waits)


def test_the_extra_delay_is_kept_before_each_request():
    waits = []
    exchange = opened("kraken", sleep=waits.append, delay_seconds=0.5)
    for _ in range(3):
        exchange.request("a page", lambda: "answer")
    assert waits == [0.5] * 3


@pytest.mark.parametrize(
    ("exchange", "answer"),
    [
        ("binance", []),
        ("binance", [[1, "1"]]),
        ("coinbaseexchange", []),
        ("kraken", {"error": [], "result": {"XXBTZUSD": []}}),
        ("kucoin", {"code": "200000", "data": []}),
        ("htx", {"status": "ok", "data": []}),
        ("binanceus", []),
        ("coinbase", {"candles": []}),
        ("okx", {"code": "0", "msg": "", "data": []}),
        ("bybit", {"retCode": 0, "result": {"category": "spot", "list": []}}),
        ("bitstamp", {"data": {"pair": "BTC/USD", "ohlc": []}}),
        ("gate", []),
    ],
)
def test_an_answer_with_rows_even_none_is_one(exchange, answer):
    opening = opened(exchange)
    opening.api.last_json_response = answer
    opening.answer_is_rows("candles")


@pytest.mark.parametrize(
    ("exchange", "answer"),
    [(exchange, answer) for exchange in PROFILES for answer in (None, {}, "busy", 0)]
    + [(exchange, []) for exchange in ("kraken", "kucoin", "htx", "coinbase", "okx", "bybit", "bitstamp")]
    + [("bybit", {"retCode": 0, "result": {}}), ("bybit", {"result": []}), ("bybit", {"list": []})]
    + [("bitstamp", {"data": {"pair": "BTC/USD"}}), ("coinbase", {"candles": None}), ("okx", {"data": {}})]
    + [("binance", {"data": []}), ("kucoin", {"data": None}), ("htx", {"data": {}}), ("kraken", {"result": []})],
)  # fmt: skip
def test_an_answer_without_rows_never_passes_for_quiet_minutes(exchange, answer):
    opening = opened(exchange)
    opening.api.last_json_response = answer
    with pytest.raises(ExchangeTemporaryError, match=f"{exchange}, candles: the answer is not what its API describes"):
        opening.answer_is_rows("candles")


def test_an_exchange_outside_the_table_is_opened_with_one_warning(caplog):
    _warn_of_unknown_limits.cache_clear()
    for _ in range(3):
        opened("gemini")
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "gemini: its limits and the ends of its ranges are not known here" in caplog.text
    assert "99 candles at a time" in caplog.text


@pytest.mark.parametrize("exchange", PROFILES)
def test_an_exchange_in_the_table_is_opened_in_silence(exchange, caplog):
    opened(exchange)
    assert caplog.records == []


def test_an_answer_from_before_the_end_of_what_was_asked_for_is_refused():
    opening = opened("binance")
    opening.api.last_response_headers = {"Date": "Sun, 22 Nov 2026 11:59:59 GMT"}
    noon_ms = 1_795_348_800_000
    opening.answer_covers("candles", noon_ms - 1000)
    said = "2026-11-22T11:59:59Z by the exchange's clock, when 2026-11-22T12:00Z was still to come: set the clock"
    with pytest.raises(ExchangeTemporaryError, match=said):
        opening.answer_covers("candles", noon_ms)
    opening.api.last_response_headers = {}
    opening.answer_covers("candles", noon_ms)
