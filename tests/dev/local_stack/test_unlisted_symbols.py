import pytest

from candle_ingest.errors.symbols import SymbolUnlistedError
from candle_ingest.settings import PipelineSettings
from dev.local_stack.options import StackOptions
from dev.local_stack.redis_server import RedisServer
from dev.local_stack.unlisted_symbols import unlisted_symbols

SETTINGS = PipelineSettings(name="candle", exchanges="binance,kraken")


def test_a_symbol_that_no_exchange_lists_is_named_with_near_names():
    [sentence] = unlisted_symbols(StackOptions(symbols=("btcusd", "ehtusd")), SETTINGS)
    assert sentence.startswith("EHT/USD is listed by none of binance, kraken; did you mean ")
    assert "ETH/USD" in sentence


def test_symbols_that_are_listed_in_an_equivalent_quote_are_not_named():
    binance = PipelineSettings(name="candle", exchanges="binance")
    assert unlisted_symbols(StackOptions(symbols=("btcusd", "ethbtc")), binance) == []


def test_without_a_listed_symbol_the_start_is_refused():
    with pytest.raises(SymbolUnlistedError, match=r"ABC/USD is listed by none of .*\[symbol-unlisted\]"):
        unlisted_symbols(StackOptions(symbols=("abcusd",)), SETTINGS)


@pytest.mark.parametrize(
    "options",
    [
        StackOptions(symbols=("abcusd",), market="live"),
        StackOptions(symbols=("abcusd",), redis=RedisServer(host="x", port=1, password=None)),
    ],
)
def test_live_markets_and_the_list_of_another_redis_are_not_checked(options):
    assert unlisted_symbols(options, SETTINGS) == []
