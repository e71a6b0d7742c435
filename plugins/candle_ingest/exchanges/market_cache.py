"""The exchanges' spot markets, cached in Redis: requested once an hour for all tasks."""

import hashlib
import json
import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress

from redis.exceptions import LockNotOwnedError

from candle_ingest.connections import ExchangeConnection, RedisClient
from candle_ingest.errors import CandleIngestError
from candle_ingest.errors.runs import MarketsBusyError
from candle_ingest.exchanges.answers import MARKET_KEYS, Market
from candle_ingest.plurals import counted

logger = logging.getLogger(__name__)
FRESH_SECONDS = 3600
# How long all tasks use the older list after a failure, before one of them requests it again.
RETRY_SECONDS = 300
# An older list is used while the exchange does not answer.
KEPT_SECONDS = 30 * 24 * 3600
# Longer than a request takes with all its attempts.
LOCK_SECONDS = 300
KEY_PREFIX = "candle_ingest:markets"


class MarketCache:
    """A Redis hash for each exchange: market symbol (`BTC/USDT`) → what a fetch needs of the market.

    Each list is requested once an hour for all tasks. While an exchange does not answer, its last list is used, and a
    new one is requested every five minutes: the fetches then fail one by one, and the ledger knows what to retry. With
    `read_only`, for dry runs, nothing is written.
    """

    def __init__(self, client: RedisClient, *, read_only: bool = False) -> None:
        self._redis = client
        self._read_only = read_only

    def markets(
        self, connection: ExchangeConnection, symbols: Iterable[str], load: Callable[[], list[Market]]
    ) -> dict[str, Market]:
        """Return the `symbols` that the exchange lists; `load` asks the exchange if the list is too old.

        Raises what `load` raises if there is no older list, and MarketsBusyError if other tasks keep it locked.
        """
        wanted = list(symbols)
        key = self._key(connection)
        if not self._is_fresh(key) or not self._is_readable(key, wanted):
            loaded = self._load(connection.exchange, key, load)
            if loaded is not None:
                return {symbol: loaded[symbol] for symbol in wanted if symbol in loaded}
        return self._found(key, wanted)

    def _found(self, key: str, wanted: list[str]) -> dict[str, Market]:
        found = self._redis.hmget(key, wanted) if wanted else []
        return {s: _market(text) for s, text in zip(wanted, found, strict=True) if text is not None}

    def _is_readable(self, key: str, wanted: list[str]) -> bool:
        """Tell whether the list in Redis can be read; delete it if not."""
        try:
            self._found(key, wanted)
        except (ValueError, RecursionError) as error:
            logger.warning("%s: the cached markets cannot be read and are requested again: %s", key, error)
            if not self._read_only:
                self._redis.delete(key)
            return False
        return True

    def _is_fresh(self, key: str) -> bool:
        """Tell whether the list in Redis is to be used: it is new, or a request for a newer one has just failed."""
        return bool(self._redis.exists(f"{key}:fresh") and self._redis.exists(key))

    def _load(self, exchange: str, key: str, load: Callable[[], list[Market]]) -> dict[str, Market] | None:
        """Return the exchange's current list; None if the one in Redis is to be used."""
        if self._read_only:
            return self._ask(exchange, key, load)
        with self._locked(exchange, key):
            if self._is_fresh(key):
                return None
            loaded = self._ask(exchange, key, load)
            if loaded:
                self._keep(key, loaded)
            else:
                self._redis.set(f"{key}:fresh", "1", ex=RETRY_SECONDS)
            return loaded

    @contextmanager
    def _locked(self, exchange: str, key: str) -> Iterator[None]:
        """Hold the list's lock. It is no error if it expires in the block: another task then requests the list too."""
        lock = self._redis.lock(f"{key}:lock", timeout=LOCK_SECONDS, blocking_timeout=LOCK_SECONDS)
        if not lock.acquire():
            raise MarketsBusyError(f"{exchange}: its list of markets was locked by other tasks for {LOCK_SECONDS} s")
        try:
            yield
        finally:
            with suppress(LockNotOwnedError):
                lock.release()

    def _ask(self, exchange: str, key: str, load: Callable[[], list[Market]]) -> dict[str, Market] | None:
        try:
            return self._loaded(exchange, load)
        except CandleIngestError as error:
            if not self._redis.exists(key):
                raise
            logger.warning("%s: its list of markets cannot be read; using the cached one: %s", exchange, error)
            return None

    def _loaded(self, exchange: str, load: Callable[[], list[Market]]) -> dict[str, Market]:
        loaded = {market["symbol"]: market for market in load()}
        logger.info("%s lists %s", exchange, counted(len(loaded), "spot market"))
        return loaded

    def _keep(self, key: str, loaded: dict[str, Market]) -> None:
        with self._redis.pipeline(transaction=True) as pipeline:
            pipeline.delete(key)
            pipeline.hset(key, mapping={symbol: json.dumps(market) for symbol, market in loaded.items()})
            pipeline.expire(key, KEPT_SECONDS)
            pipeline.set(f"{key}:fresh", "1", ex=FRESH_SECONDS)
            pipeline.execute()

    @staticmethod
    def _key(connection: ExchangeConnection) -> str:
        """Return a key per base URL, so that a simulator's markets are never taken for the real ones."""
        if connection.base_url is None:
            return f"{KEY_PREFIX}:{connection.exchange}"
        place = hashlib.sha256(connection.base_url.encode()).hexdigest()[:12]
        return f"{KEY_PREFIX}:{connection.exchange}:{place}"


def _market(text: bytes | str) -> Market:
    """Return a stored market. Raises ValueError for anything else."""
    market: Market = json.loads(text)
    if not isinstance(market, dict) or not set(MARKET_KEYS) <= set(market):
        raise ValueError(f"not a market: {text[:100]!r}")
    return market
