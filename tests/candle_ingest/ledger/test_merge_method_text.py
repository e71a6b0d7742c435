from candle_ingest.ledger.merge_method_text import merge_method_text
from candle_ingest.settings import PipelineSettings


def text(*exchanges, **settings):
    return merge_method_text(PipelineSettings(name="candle", exchanges=exchanges, **settings))


def test_a_method_names_the_exchanges_whatever_their_order():
    assert text("kraken", "binance") == text("binance", "kraken")
    assert text("kraken", "binance").endswith("exchanges binance, kraken")


def test_a_replaced_exchange_is_another_method():
    assert text("binance", "kraken") != text("binance", "kucoin")


def test_an_explicit_minimum_of_all_is_another_method_than_none():
    assert text("binance", "kraken", min_exchanges_required=2) != text("binance", "kraken")
