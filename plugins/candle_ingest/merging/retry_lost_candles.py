"""Retry candles that are gone from the bucket although their records have them."""

from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray

from candle_ingest.candles.window import DAY_MS, Window
from candle_ingest.connections import RedisClient
from candle_ingest.ledger.day_records import Key
from candle_ingest.planning.record_keeping import record_keeper
from candle_ingest.planning.run import Run
from candle_ingest.store.bucket import InfluxBucket
from candle_ingest.store.candle_store import CandleStore


def retry_lost_candles(run: Run, keys: Collection[Key], bucket: InfluxBucket, client: RedisClient) -> None:
    """Make all lost candles of these records due; each change of a record queues its notice."""
    store, keeper = CandleStore(bucket), record_keeper(run.settings, bucket, client)

    def stored_times_ms(key: Key) -> NDArray[np.int64]:
        pair, exchange, day_ms = key
        day = Window(day_ms, day_ms + DAY_MS)
        return store.read_exchange_candles(pair, [exchange], day)[exchange].open_time_ms

    for exchange in sorted({key[1] for key in keys}):
        own = sorted(key for key in keys if key[1] == exchange)
        keeper.retry_lost(exchange, own, stored_times_ms, run.now_ms)
