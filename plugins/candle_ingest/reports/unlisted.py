"""Find the pairs that no run fetches: too few exchanges list them, or Redis does not."""

from collections.abc import Iterable, Sequence

from candle_ingest.candles.symbol import Symbol
from candle_ingest.connections import RedisClient
from candle_ingest.errors.symbols import NothingMergedError
from candle_ingest.ledger.notices import Notices
from candle_ingest.ledger.rate_pairs import possible_rate_pairs
from candle_ingest.settings import PipelineSettings


def read_unlisted(client: RedisClient, settings: PipelineSettings, pairs: Sequence[str]) -> set[str]:
    """Return those `pairs` that the last runs left out because too few exchanges list them."""
    return Notices(client, settings.influxdb_bucket).unlisted(pairs)


def unlisted_in_words(currency_pair: str) -> str:
    """Return why a pair is not fetched."""
    return f"too few exchanges list {currency_pair}"


def nothing_merged(currency_pair: str) -> NothingMergedError:
    """Return the error for an unlisted pair of which nothing is merged."""
    return NothingMergedError(f"no candle of {currency_pair} is merged: {unlisted_in_words(currency_pair)}")


def why_not_asked(settings: PipelineSettings, currency_pair: str) -> str:
    """Return, in a sentence, why nothing of an unlisted pair was requested, and what to check."""
    return (
        f"Too few exchanges list {currency_pair}: check its spelling in the Redis key "
        f"{settings.redis_key_crypto_symbols!r}, and the settings exchanges and min_exchanges_required."
    )


def not_in_redis(settings: PipelineSettings, currency_pair: str, listed: Iterable[Symbol]) -> str:
    """Return, in a sentence, that no run requests the pair by itself; empty if Redis lists it or it may be a rate."""
    wanted = {symbol.currency_pair for symbol in listed} | possible_rate_pairs(settings)
    return "" if currency_pair in wanted else f"{currency_pair} is not in Redis: no run requests it by itself."
