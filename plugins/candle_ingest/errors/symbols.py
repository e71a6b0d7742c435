"""Errors in symbols and in the list of them."""

from candle_ingest.errors.base import SymbolError


class NotASymbolError(SymbolError):
    """A text is not a pair of two currencies."""

    name = "symbol-not-understood"
    cause = "The text is not a pair, or has an unusual quote currency and no separator."
    cure = "Write BASE/QUOTE, such as BTC/USD."
    example = "'bitcoin' is not a symbol: write BTC/USD, BTC-USD or btcusd"


class SymbolListError(SymbolError):
    """The key in Redis holds no list of symbols."""

    name = "symbol-list-unusable"
    cause = "The key does not exist, is empty, is of another type, is not JSON, or belongs to another program."
    cure = (
        'Store a JSON list such as ["btcusd", "ethusd"], or a Redis list, set or sorted set, under the key that '
        "`redis_key_crypto_symbols` names, in the database of the connection."
    )
    example = "Redis key 'top_cryptocurrencies' does not exist; expected a JSON list of strings"
