"""Open the bucket and read the symbols of a pipeline, for the commands."""

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager

from candle_ingest.candles.symbol import Symbol
from candle_ingest.connections import connect_influxdb, connect_redis
from candle_ingest.planning.symbol_list import read_symbols
from candle_ingest.reports.known_pairs import check_known, stored_pairs
from candle_ingest.reports.unlisted import not_in_redis, read_unlisted, why_not_asked
from candle_ingest.settings import PipelineSettings
from candle_ingest.store.bucket import InfluxBucket

# No retries, because a person is waiting.
ATTEMPTS = 1


@contextmanager
def open_bucket(settings: PipelineSettings) -> Iterator[InfluxBucket]:
    """Open the bucket of the pipeline."""
    with InfluxBucket(connect_influxdb(), settings.influxdb_bucket, attempts=ATTEMPTS) as bucket:
        yield bucket


def listed_symbols(settings: PipelineSettings) -> list[Symbol]:
    """Return the symbols that Redis lists."""
    with connect_redis() as client:
        return read_symbols(client, settings.redis_key_crypto_symbols)


def unlisted_pairs(settings: PipelineSettings, pairs: Sequence[str]) -> set[str]:
    """Return those `pairs` that too few exchanges list."""
    with connect_redis() as client:
        return read_unlisted(client, settings, pairs)


def why_not_fetched(settings: PipelineSettings, currency_pair: str) -> str:
    """Return why no run requests the pair by itself; empty if runs do."""
    if unlisted_pairs(settings, [currency_pair]):
        return why_not_asked(settings, currency_pair)
    return not_in_redis(settings, currency_pair, listed_symbols(settings))


def check_symbols(bucket: InfluxBucket, settings: PipelineSettings, pairs: Collection[str]) -> None:
    """Raise SymbolUnknownError, naming similar pairs, if one of `pairs` is neither listed in Redis nor stored.

    Redis is not needed if all are stored.
    """
    if not stored_pairs(bucket).issuperset(pairs):
        check_known(bucket, pairs, [symbol.currency_pair for symbol in listed_symbols(settings)])
