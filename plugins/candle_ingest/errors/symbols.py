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


class SymbolUnknownError(SymbolError):
    """A command or the page names a pair that the pipeline does not have."""

    name = "symbol-unknown"
    cause = "The pair is misspelt, or was never listed in Redis for this pipeline."
    cure = "Write one of the similar names in the message, or add the pair to the list in Redis."
    example = "BTC/UDS is neither listed in Redis nor stored; did you mean BTC/USD?"


class SymbolUnlistedError(SymbolError):
    """A plan was requested for a pair that no exchange of the pipeline lists."""

    name = "symbol-unlisted"
    cause = "The pair is misspelt, or none of the pipeline's exchanges trades it."
    cure = "Write one of the similar names in the message, or add an exchange that lists the pair."
    example = "EHT/USD is listed by none of binance, kraken; did you mean ETH/USD?"


class SymbolKeptError(SymbolError):
    """All symbols of a run are kept by another pipeline of the same bucket."""

    name = "symbol-kept"
    cause = (
        "The lists of two pipelines with one bucket have these pairs in common: the one that comes first in the "
        "settings file keeps them, as each would overwrite the other's candles."
    )
    cure = "Remove the pairs from one of the two lists, or give one of the pipelines its own `influxdb_bucket`."
    example = (
        "BTC/USD is left out: pipeline candle, which comes first in the settings file and shares the bucket candles, "
        "has it in the Redis key 'top_cryptocurrencies'; remove it there, or from 'others'"
    )


class NothingMergedError(SymbolError):
    """The newest candle of a pair was requested, and the pair has none."""

    name = "nothing-merged"
    cause = "No run has merged the pair yet: it was listed a moment ago, or too few exchanges list it or answered."
    cure = "Wait for the next run of catch-up or backfill, or give a time: the command then says what is missing."
    example = "no candle of BTC/USD is merged yet; give a time, such as 2026-11-20T12:00Z"
