"""The spot markets of the exchanges, kept in Redis so that all tasks together load them once an hour."""

import hashlib
import json
import logging
from collections.abc import Callable, Iterable

from candle_ingest.adapters.ccxt_exchange import MARKET_KEYS, Market
from candle_ingest.adapters.connections import ExchangeConnection, RedisClient

logger = logging.getLogger(__name__)
EXPIRY_SECONDS = 3600
KEY_PREFIX = "candle_ingest:markets"


class MarketCache:
    """A Redis hash for each exchange: market symbol (`BTC/USDT`) → what a fetch needs of the market.

    With `read_only` nothing is written, for dry runs.
    """

    def __init__(self, client: RedisClient, *, read_only: bool = False) -> None:
        self._redis = client
        self._read_only = read_only

    def markets(
        self, connection: ExchangeConnection, symbols: Iterable[str], load: Callable[[], list[Market]]
    ) -> dict[str, Market]:
        """Those of `symbols` that the exchange lists; `load` asks the exchange where the cache is empty."""
        wanted = list(symbols)
        key = self._key(connection)
        if self._redis.exists(key):
            found = self._redis.hmget(key, wanted) if wanted else []
            try:
                return {s: _market(text) for s, text in zip(wanted, found, strict=True) if text is not None}
            except (ValueError, RecursionError) as error:
                logger.warning("%s: the cached markets cannot be read; the exchange is asked again: %s", key, error)
        loaded = {market["symbol"]: market for market in load()}
        logger.info("%s lists %s spot markets", connection.exchange, f"{len(loaded):,}")
        if loaded and not self._read_only:
            self._keep(key, loaded)
        return {symbol: loaded[symbol] for symbol in wanted if symbol in loaded}

    def _keep(self, key: str, loaded: dict[str, Market]) -> None:
        with self._redis.pipeline(transaction=True) as pipeline:
            pipeline.delete(key)
            pipeline.hset(key, mapping={symbol: json.dumps(market) for symbol, market in loaded.items()})
            pipeline.expire(key, EXPIRY_SECONDS)
            pipeline.execute()

    @staticmethod
    def _key(connection: ExchangeConnection) -> str:
        """Apart for each base URL: a simulator's markets never pass for the real ones."""
        if connection.base_url is None:
            return f"{KEY_PREFIX}:{connection.exchange}"
        place = hashlib.sha256(connection.base_url.encode()).hexdigest()[:12]
        return f"{KEY_PREFIX}:{connection.exchange}:{place}"


def _market(text: bytes | str) -> Market:
    """A market as it was kept. Raises ValueError for anything else."""
    market: Market = json.loads(text)
    if not isinstance(market, dict) or not all(isinstance(market.get(key), str) for key in MARKET_KEYS):
        raise ValueError(f"not a market: {text[:100]!r}")
    return market
