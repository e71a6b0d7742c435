import pytest

from candle_ingest.candles.timeframe import Timeframe
from candle_ingest.connections import ExchangeConnection
from candle_ingest.errors import ConfigurationError
from candle_ingest.exchanges.client import ExchangeClient, _warn_of_unknown_limits
from candle_ingest.exchanges.error_mapping import ExchangeTemporaryError
from candle_ingest.exchanges.profiles import PROFILES

COMMON_MINUTES = (1, 5, 15, 60)


def opened(exchange, **options):
    connection = {key: options.pop(key) for key in ("base_url", "config") if key in options}
    return ExchangeClient(ExchangeConnection(exchange, **connection), **options)


@pytest.mark.parametrize("minutes", COMMON_MINUTES)
@pytest.mark.parametrize("exchange", PROFILES)
def test_timeframes_that_all_exchanges_share_are_usable(exchange, minutes):
    assert minutes % opened(exchange).source_of(Timeframe(minutes)).minutes == 0


@pytest.mark.parametrize(
    ("exchange", "minutes", "source"),
    [("coinbaseexchange", 3, 1), ("coinbaseexchange", 30, 15), ("coinbaseexchange", 480, 60), ("kraken", 360, 60),
     ("kraken", 720, 240), ("htx", 720, 60), ("htx", 1440, 60), ("binance", 1440, 1440), ("coinbase", 240, 120),
     ("okx", 480, 240), ("bitstamp", 480, 240), ("gate", 3, 1)],
)  # fmt: skip
def test_a_missing_or_shifted_timeframe_is_built_from_the_largest_that_divides_it(exchange, minutes, source):
    assert opened(exchange).source_of(Timeframe(minutes)) == Timeframe(source)


def test_a_timeframe_that_cannot_be_built_is_refused():
    exchange = opened("htx")
    exchange._api.timeframes = {"5m": "5min"}
    with pytest.raises(ConfigurationError, match=r"htx has no candles that make up 3m .*is 3\); it has 5m"):
        exchange.source_of(Timeframe(3))


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
    opening._api.last_json_response = answer
    opening._made_ms("candles")


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
    opening._api.last_json_response = answer
    with pytest.raises(ExchangeTemporaryError, match="candles: the answer is not what its API describes"):
        opening._made_ms("candles")


def test_an_exchange_outside_the_table_is_opened_with_one_warning(caplog):
    _warn_of_unknown_limits.cache_clear()
    for _ in range(3):
        opened("gemini")
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "gemini: its limits and the ends of its ranges are not known here" in caplog.text
    assert "99 candles at a time" in caplog.text


@pytest.mark.parametrize("exchange", PROFILES)
def test_an_exchange_in_the_table_is_opened_without_a_warning(exchange, caplog):
    opened(exchange)
    assert caplog.records == []
