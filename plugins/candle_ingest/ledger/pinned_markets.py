"""The market that each series of candles was built from. It never changes by itself.

`candle_ingest:pinned:<bucket>:<exchange>`: a Redis hash of pair → market (`BTC/USD` → `BTC/USDT`), copied from the
records of days, so that no run has to search years of them.
"""

from collections.abc import Collection, Mapping

from candle_ingest.connections import RedisClient
from candle_ingest.errors.servers import BucketMissingError
from candle_ingest.servers.redis_errors import translate_redis_errors
from candle_ingest.store.bucket import InfluxBucket
from candle_ingest.store.flux import EVER, is_pair, keep, select, where

_OF_EXCHANGE = 'r._field == "market" and r.exchange == exchange'


class PinnedMarkets:
    """Looks up the pinned markets of one bucket; without a Redis client, in the records only."""

    def __init__(self, bucket: InfluxBucket, client: RedisClient | None) -> None:
        self._bucket = bucket
        self._client = client

    def of(self, exchange: str, pairs: Collection[str]) -> dict[str, str]:
        """Return the market of each pair that has candles from the exchange."""
        wanted = sorted(pairs)
        known = self._from_redis(exchange, wanted)
        if missing := [pair for pair in wanted if pair not in known]:
            known |= self._from_records(exchange, missing)
        return known

    def pin(self, exchange: str, markets: Mapping[str, str]) -> None:
        """Store the markets of new series; existing ones stay."""
        if self._client is None or not markets:
            return
        with translate_redis_errors(), self._client.pipeline(transaction=False) as pipeline:
            for pair, market in markets.items():
                pipeline.hsetnx(self._key(exchange), pair, market)
            pipeline.execute()

    def _from_redis(self, exchange: str, pairs: list[str]) -> dict[str, str]:
        if self._client is None or not pairs:
            return {}
        with translate_redis_errors():
            found = self._client.hmget(self._key(exchange), pairs)
        return {pair: value.decode() for pair, value in zip(pairs, found, strict=True) if value is not None}

    def _from_records(self, exchange: str, pairs: list[str]) -> dict[str, str]:
        records = select("day_records", _OF_EXCHANGE, is_pair(pairs), span=EVER)
        last = records + where('r._value != ""') + "  |> last()\n" + keep("currency_pair", "_value")
        try:
            rows = self._bucket.query(last, exchange=exchange)
        except BucketMissingError:
            return {}
        found = {row["currency_pair"]: row["_value"] for row in rows if row["currency_pair"] in pairs}
        self.pin(exchange, found)
        return found

    def _key(self, exchange: str) -> str:
        return f"candle_ingest:pinned:{self._bucket.name}:{exchange}"
