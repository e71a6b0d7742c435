"""Step 1: read the symbols."""

import logging

from candle_ingest.candles.symbol import parse_symbol
from candle_ingest.connections import connect_redis
from candle_ingest.errors import TemporaryError
from candle_ingest.metrics import emit
from candle_ingest.metrics.catalogue import REDIS_UP
from candle_ingest.planning.run import Run
from candle_ingest.planning.symbol_list import read_spellings
from candle_ingest.plurals import counted

logger = logging.getLogger(__name__)


def read_symbols(run: Run) -> list[str]:
    """Return the run's tickers, from its params or else from Redis. Raises SymbolError if there are none.

    Tickers keep their spelling; several may name the same pair.
    """
    if run.symbols:
        tickers = list(dict.fromkeys(parse_symbol(ticker).ticker for ticker in run.symbols))
        logger.info("Read %s from the params of this run", counted(len(tickers), "symbol"))
        return tickers
    key = run.settings.redis_key_crypto_symbols
    try:
        with connect_redis() as client:
            tickers = [symbol.ticker for symbol in read_spellings(client, key)]
    except TemporaryError:
        emit.gauge(REDIS_UP, 0)
        raise
    emit.gauge(REDIS_UP, 1)
    logger.info("Read %s from the Redis key %s", counted(len(tickers), "symbol"), key)
    return tickers
