"""Find the symbols that another pipeline of the same bucket already keeps."""

import logging
from collections.abc import Iterable

from candle_ingest.connections import RedisClient
from candle_ingest.errors.symbols import SymbolListError
from candle_ingest.ledger.work_index import WorkIndex
from candle_ingest.planning.symbol_list import read_symbols
from candle_ingest.settings import PipelineSettings

logger = logging.getLogger(__name__)


def kept_by_others(
    settings: PipelineSettings, pairs: Iterable[str], index: WorkIndex, client: RedisClient
) -> dict[str, str]:
    """Return, for each of `pairs` that another pipeline of the bucket merges and still lists, why it is left out.

    If both merged it, each would overwrite the other's candles. A pair that the other no longer lists may move here.
    """
    found: dict[str, str] = {}
    for other, key in index.lists_of_others(settings.name).items():
        kept = index.pairs_of(other).intersection(pairs)
        if kept and key != settings.redis_key_crypto_symbols:
            listed = _listed(client, key)
            found |= {pair: _reason(pair, other, key, settings) for pair in sorted(kept & listed)}
    for sentence in found.values():
        logger.error(sentence)
    return found


def _listed(client: RedisClient, key: str) -> set[str]:
    try:
        return {symbol.currency_pair for symbol in read_symbols(client, key)}
    except SymbolListError:
        return set()


def _reason(pair: str, other: str, key: str, settings: PipelineSettings) -> str:
    return (
        f"{pair} is left out: pipeline {other} keeps it in the same bucket {settings.influxdb_bucket}, and has it in "
        f"the Redis key {key!r}; remove it there, or from {settings.redis_key_crypto_symbols!r}"
    )
