"""Open the bucket and read the symbols of a pipeline, for one request of the page."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from candle_ingest.candles.symbol import Symbol
from candle_ingest.connections import connect_influxdb_to_read, connect_redis
from candle_ingest.errors import CandleIngestError
from candle_ingest.errors.symbols import SymbolUnknownError
from candle_ingest.ledger.rate_pairs import possible_rate_pairs
from candle_ingest.planning.symbol_list import read_symbols
from candle_ingest.reports.exchange_pace import ExchangePace, read_exchange_paces
from candle_ingest.reports.known_pairs import check_known
from candle_ingest.reports.unlisted import not_in_redis, read_unlisted
from candle_ingest.servers.redis_errors import translate_redis_errors
from candle_ingest.settings import PipelineSettings
from candle_ingest.store.bucket import InfluxBucket
from candle_ingest.web.address import BadAddressError

# A user should soon see that a server is down, and a waiting thread cannot serve other requests.
INFLUXDB_TIMEOUT_MS = 10_000
REDIS_TIMEOUT_SECONDS = 2


@contextmanager
def open_bucket(settings: PipelineSettings) -> Iterator[InfluxBucket]:
    """Open the bucket of a pipeline; each query is tried once."""
    client = connect_influxdb_to_read()
    client.api_client.configuration.timeout = INFLUXDB_TIMEOUT_MS
    with InfluxBucket(client, settings.influxdb_bucket, attempts=1) as bucket:
        yield bucket


def listed_symbols(settings: PipelineSettings) -> tuple[list[Symbol], str]:
    """Return the symbols that Redis lists, and why there are none if it fails; the page works without them."""
    try:
        with connect_redis() as client, translate_redis_errors():
            _hurry(client)
            return read_symbols(client, settings.redis_key_crypto_symbols), ""
    except CandleIngestError as error:
        return [], str(error)


def unlisted_pairs(settings: PipelineSettings, pairs: Sequence[str]) -> set[str]:
    """Return those `pairs` that too few exchanges list; none if Redis fails, as the list of symbols says then."""
    try:
        with connect_redis() as client:
            _hurry(client)
            return read_unlisted(client, settings, pairs)
    except CandleIngestError:
        return set()


def check_symbols(bucket: InfluxBucket, settings: PipelineSettings, pairs: Collection[str]) -> None:
    """Raise BadAddressError, naming similar pairs, if one of `pairs` is neither listed in Redis nor stored.

    If Redis is unreachable, the listed pairs are not known, and none is refused.
    """
    listed, problem = listed_symbols(settings)
    if problem:
        return
    try:
        check_known(bucket, pairs, {symbol.currency_pair for symbol in listed} | possible_rate_pairs(settings))
    except SymbolUnknownError as error:
        raise BadAddressError(f"symbol: {error}") from None


def why_not_listed(settings: PipelineSettings, currency_pair: str) -> str:
    """Return why no run requests the pair by itself; empty if it is listed in Redis or a rate, or Redis fails."""
    listed, problem = listed_symbols(settings)
    return "" if problem else not_in_redis(settings, currency_pair, listed)


def exchange_paces(exchanges: Iterable[str]) -> tuple[list[ExchangePace], str]:
    """Return how much the requests to each exchange are slowed down now, and why that is not known if Redis fails."""
    try:
        with connect_redis() as client:
            _hurry(client)
            return read_exchange_paces(client, exchanges), ""
    except CandleIngestError as error:
        return [], str(error)


def _hurry(client: object) -> None:
    if isinstance(client, redis.Redis):
        options = client.connection_pool.connection_kwargs
        options |= {"socket_timeout": REDIS_TIMEOUT_SECONDS, "socket_connect_timeout": REDIS_TIMEOUT_SECONDS}
        options |= {"retry": Retry(NoBackoff(), 0)}
