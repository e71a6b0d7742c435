"""Retry candles that are gone from the bucket although their records have them."""

import logging
from collections.abc import Collection, Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from candle_ingest.candles.window import DAY_MS, Window, subtract
from candle_ingest.connections import RedisClient
from candle_ingest.counting import counted
from candle_ingest.errors.ledger import CANDLES_LOST
from candle_ingest.ledger.day_record import DayRecord
from candle_ingest.ledger.day_records import Key
from candle_ingest.ledger.notices import Notices
from candle_ingest.ledger.record_keeper import RecordUpdate
from candle_ingest.planning.record_keeping import record_keeper
from candle_ingest.planning.run import Run
from candle_ingest.store.bucket import InfluxBucket
from candle_ingest.store.candle_store import CandleStore

logger = logging.getLogger(__name__)


def retry_lost_candles(run: Run, keys: Collection[Key], bucket: InfluxBucket, client: RedisClient) -> None:
    """Make all lost candles of these records due, and report them once."""
    store, keeper = CandleStore(bucket), record_keeper(run.settings, bucket, client)

    def stored_times_ms(key: Key) -> NDArray[np.int64]:
        pair, exchange, day_ms = key
        day = Window(day_ms, day_ms + DAY_MS)
        return store.read_exchange_candles(pair, [exchange], day)[exchange].open_time_ms

    sentences: dict[str, str] = {}
    for exchange in sorted({key[1] for key in keys}):
        own = sorted(key for key in keys if key[1] == exchange)
        sentences |= lost_notices(keeper.retry_lost(exchange, own, stored_times_ms, run.now_ms))
    for sentence in sentences.values():
        logger.error(sentence)
    Notices(client, bucket.name).queue(sentences)


def lost_notices(updates: Iterable[RecordUpdate]) -> dict[str, str]:
    """Return the sentence of each record that has lost candles, by the key of its notice."""
    sentences = {}
    for update in updates:
        record = update.after
        if lost := [part for window in record.lost for part in subtract(window, update.before.lost)]:
            sentences[f"lost|{record.currency_pair}|{record.exchange}|{record.day_ms}"] = _sentence(record, lost)
    return sentences


def _sentence(record: DayRecord, lost: Sequence[Window]) -> str:
    count = sum(window.slots(record.slot_ms) for window in lost)
    span = Window(lost[0].start_ms, lost[-1].end_ms)
    return (
        f"{record.currency_pair} @ {record.exchange}: exchange_candles has lost {counted(count, 'candle')} of {span}; "
        f"the next repair requests what is missing, and the merged candles stay as they are until then {CANDLES_LOST}"
    )
