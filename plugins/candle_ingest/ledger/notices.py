"""Notices that are sent once: queued by the task that finds the reason, sent by the last step of the next run.

None is lost. One is sent twice only if its task is killed after the notifier has received it and before it is removed
from the queue, or if the notifier takes longer than SENDING_SECONDS.

`candle_ingest:notices:<bucket>`: a Redis hash of key → sentence that is still to be sent.
`candle_ingest:told:<bucket>`: a Redis set of the keys that were queued and whose reason lasts. The keys are
`unobtainable|pair|exchange|day`, `lost|pair|exchange|day`, `vanished|pair|exchange` and `unlisted|pair`.
"""

import logging
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress

from redis.exceptions import LockNotOwnedError

from candle_ingest.candles.window import MINUTE_MS, Window, subtract
from candle_ingest.connections import RedisClient
from candle_ingest.errors.ledger import CANDLES_LOST
from candle_ingest.ledger.day_record import DayRecord
from candle_ingest.ledger.minute_state import MinuteState
from candle_ingest.plurals import counted, inflected
from candle_ingest.servers.redis_errors import translate_redis_errors

logger = logging.getLogger(__name__)
SENDING_SECONDS = 300
# Both at once: a task that is killed in between would lose the sentence.
_QUEUE_ONCE = """
if redis.call('SADD', KEYS[1], ARGV[1]) == 1 then redis.call('HSET', KEYS[2], ARGV[1], ARGV[2]) end
"""
# A sentence that was replaced in the meantime is still to be sent.
_REMOVE_SENT = """
if redis.call('HGET', KEYS[1], ARGV[1]) == ARGV[2] then redis.call('HDEL', KEYS[1], ARGV[1]) end
"""


class Notices:
    """The notices of one bucket."""

    def __init__(self, client: RedisClient, bucket: str) -> None:
        self._client = client
        self._pending, self._told = (f"candle_ingest:{name}:{bucket}" for name in ("notices", "told"))

    def queue(self, sentences: Mapping[str, str]) -> None:
        """Queue sentences by key; a queued one with the same key is replaced."""
        if sentences:
            with translate_redis_errors():
                self._client.hset(self._pending, mapping=dict(sentences))

    def queue_once(self, sentences: Mapping[str, str], over: Collection[str]) -> None:
        """Queue each sentence once, and again only after its key was in `over`."""
        with translate_redis_errors():
            if over:
                self._client.srem(self._told, *over)
                self._client.hdel(self._pending, *over)
            for key, text in sentences.items():
                self._client.eval(_QUEUE_ONCE, 2, self._told, self._pending, key, text)

    def unlisted(self, pairs: Sequence[str]) -> set[str]:
        """Return those `pairs` that too few exchanges list."""
        with translate_redis_errors():
            found = self._client.smismember(self._told, [unlisted_key(pair) for pair in pairs]) if pairs else []
        return {pair for pair, is_unlisted in zip(pairs, found, strict=True) if is_unlisted}

    def queue_unobtainable(self, records: Iterable[DayRecord]) -> None:
        """Queue notices of given-up minutes, except for markets already reported as vanished."""
        found = list(records)
        keys = [vanished_key(record.currency_pair, record.exchange) for record in found]
        with translate_redis_errors():
            vanished = self._client.smismember(self._told, keys) if keys else []
        known = [record for record, is_known in zip(found, vanished, strict=True) if not is_known]
        sentences = dict(map(_unobtainable, known))
        for sentence in sentences.values():
            logger.error(sentence)
        self.queue(sentences)

    def queue_lost(self, changes: Iterable[tuple[DayRecord, DayRecord]]) -> None:
        """Queue notices of the candles that records, each given before and after a change, have lost by it."""
        sentences = lost_notices(changes)
        for sentence in sentences.values():
            logger.error(sentence)
        self.queue(sentences)

    def send(self, notifier: Callable[[list[str]], None]) -> None:
        """Call `notifier` with the queued sentences, if there are any; they stay queued until it has returned.

        If another task is sending at this moment, do nothing: the next run sends what that task leaves.
        """
        lock = self._client.lock(f"{self._pending}:sending", timeout=SENDING_SECONDS, blocking=False)
        with translate_redis_errors():
            if not lock.acquire():
                return
        try:
            if found := self._queued():
                notifier(list(found.values()))
                self._remove_sent(found)
        finally:
            with translate_redis_errors(), suppress(LockNotOwnedError):
                lock.release()

    def _queued(self) -> dict[str, str]:
        with translate_redis_errors():
            found = self._client.hgetall(self._pending)
        return {key.decode(): sentence.decode() for key, sentence in sorted(found.items())}

    def _remove_sent(self, sentences: Mapping[str, str]) -> None:
        with translate_redis_errors(), self._client.pipeline(transaction=False) as pipeline:
            for key, sentence in sentences.items():
                pipeline.eval(_REMOVE_SENT, 1, self._pending, key, sentence)
            pipeline.execute()


def vanished_key(currency_pair: str, exchange: str) -> str:
    """Return the key for a market that an exchange no longer lists."""
    return f"vanished|{currency_pair}|{exchange}"


def unlisted_key(currency_pair: str) -> str:
    """Return the key for a pair that too few exchanges list."""
    return f"unlisted|{currency_pair}"


def lost_notices(changes: Iterable[tuple[DayRecord, DayRecord]]) -> dict[str, str]:
    """Return the sentence of each record that has lost candles by its change, by the key of its notice."""
    sentences = {}
    for before, record in changes:
        if lost := [part for window in record.lost for part in subtract(window, before.lost)]:
            sentences[f"lost|{record.currency_pair}|{record.exchange}|{record.day_ms}"] = _lost(record, lost)
    return sentences


def _lost(record: DayRecord, lost: Sequence[Window]) -> str:
    count = sum(window.slots(record.slot_ms) for window in lost)
    span = Window(lost[0].start_ms, lost[-1].end_ms)
    return (
        f"{record.currency_pair} @ {record.exchange}: exchange_candles has lost {counted(count, 'candle')} of {span}; "
        f"the next repair requests what is missing, and the merged candles stay as they are until then {CANDLES_LOST}"
    )


def _unobtainable(record: DayRecord) -> tuple[str, str]:
    sentence = (
        f"{record.currency_pair} @ {record.exchange}: {' and '.join(_given_up(record))}; "
        "`candle-ingest retry` requests them once more"
    )
    return f"unobtainable|{record.currency_pair}|{record.exchange}|{record.day_ms}", sentence


def _given_up(record: DayRecord) -> Iterator[str]:
    """Yield what was given up on the day, and why."""
    if count := record.counts().unobtainable * record.slot_ms // MINUTE_MS:
        reason = next(s.reason for s in record.stretches if s.state == MinuteState.UNOBTAINABLE)
        verb = inflected(count, "is", "are")
        yield f"{counted(count, 'minute')} of {record.window} {verb} unobtainable and not requested again: {reason}"
    if count := record.unconfirmed_slots * record.slot_ms // MINUTE_MS:
        verb = inflected(count, "was", "were")
        what = f"{counted(count, 'minute')} of {record.window} {verb} never confirmed after the day"
        yield f"{what}: {record.unconfirmed_reason}"
