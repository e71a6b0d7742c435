"""Find what concerns the other pipelines of the same bucket: the symbols that they keep, and their rates."""

import logging
from collections.abc import Collection, Iterator

from candle_ingest.connections import RedisClient
from candle_ingest.errors import PermanentError
from candle_ingest.ledger.rate_pairs import possible_rate_pairs
from candle_ingest.ledger.work_index import WorkIndex
from candle_ingest.pipelines import load_pipelines
from candle_ingest.planning.symbol_list import read_symbols
from candle_ingest.settings import PipelineSettings

logger = logging.getLogger(__name__)


def kept_by_others(
    settings: PipelineSettings, pairs: Collection[str], index: WorkIndex, client: RedisClient
) -> dict[str, str]:
    """Return, for each of `pairs` that another pipeline of the bucket keeps, why it is left out.

    If both merged it, each would overwrite the other's candles. The one that comes first in the settings file keeps it:
    that order, unlike which of them ran first, does not depend on what Redis remembers.
    """
    found: dict[str, str] = {}
    for other in _before(settings):
        listed, why = _symbols_of(other, index, client)
        reason = (
            f"pipeline {other.name}, which comes first in the settings file and shares the bucket "
            f"{settings.influxdb_bucket}, {why}; remove it there, or from {settings.redis_key_crypto_symbols!r}"
        )
        found |= {pair: f"{pair} is left out: {reason}" for pair in pairs if pair in listed}
    for sentence in found.values():
        logger.error(sentence)
    return found


def rate_pairs_of_bucket(settings: PipelineSettings) -> frozenset[str]:
    """Return every rate pair that a pipeline of this bucket may need.

    Where one of them is another pipeline's symbol, that pipeline merges it, and the prices made of it are to follow.
    """
    sharing = (other for other in load_pipelines().values() if other.influxdb_bucket == settings.influxdb_bucket)
    return frozenset().union(*map(possible_rate_pairs, [settings, *sharing]))


def _before(settings: PipelineSettings) -> Iterator[PipelineSettings]:
    """Yield the pipelines before this one with its bucket and another list; one with the same list merges alike."""
    pipelines = load_pipelines()
    if settings.name not in pipelines:
        return
    for name, other in pipelines.items():
        if name == settings.name:
            return
        shares_list = other.redis_key_crypto_symbols == settings.redis_key_crypto_symbols
        if other.influxdb_bucket == settings.influxdb_bucket and not shares_list:
            yield other


def _symbols_of(pipeline: PipelineSettings, index: WorkIndex, client: RedisClient) -> tuple[set[str], str]:
    """Return the pairs that the pipeline lists, and where; if its list cannot be read, those that it had last."""
    key = pipeline.redis_key_crypto_symbols
    try:
        return {symbol.currency_pair for symbol in read_symbols(client, key)}, f"has it in the Redis key {key!r}"
    except PermanentError as error:
        return index.pairs_of(pipeline.name), f"had it when its list could last be read ({error})"
