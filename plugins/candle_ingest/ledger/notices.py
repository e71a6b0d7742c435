"""Notices that people get once: noted by whichever task finds the reason, sent by the last step of the next run.

`candle_ingest:notices:<bucket>`: a Redis hash of key → sentence that is still to be told.
`candle_ingest:told:<bucket>`: a Redis set of the keys that last, and were noted. The keys are
`unobtainable|pair|exchange|day` and `vanished|pair|exchange`.
"""

import logging
from collections.abc import Collection, Iterable, Iterator, Mapping

from candle_ingest.candles.window import MINUTE_MS
from candle_ingest.connections import RedisClient
from candle_ingest.ledger.day_record import DayRecord
from candle_ingest.ledger.minute_state import MinuteState
from candle_ingest.servers.redis_errors import translate_redis_errors

logger = logging.getLogger(__name__)
# Remove an entry atomically, so that only one task gets it.
_CLAIM = """
local sentence = redis.call('HGET', KEYS[1], ARGV[1])
redis.call('HDEL', KEYS[1], ARGV[1])
return sentence
"""


class Notices:
    """The notices of one bucket."""

    def __init__(self, client: RedisClient, bucket: str) -> None:
        self._client = client
        self._untold, self._told = (f"candle_ingest:{name}:{bucket}" for name in ("notices", "told"))

    def note(self, sentences: Mapping[str, str]) -> None:
        """Queue sentences by key; a queued one with the same key is replaced."""
        if sentences:
            with translate_redis_errors():
                self._client.hset(self._untold, mapping=dict(sentences))

    def note_lasting(self, sentences: Mapping[str, str], over: Collection[str]) -> None:
        """Queue each sentence once, and again only after its key was in `over`."""
        with translate_redis_errors():
            if over:
                self._client.srem(self._told, *over)
                self._client.hdel(self._untold, *over)
            new = {key: text for key, text in sentences.items() if self._client.sadd(self._told, key)}
        self.note(new)

    def note_unobtainable(self, records: Iterable[DayRecord]) -> None:
        """Queue notices of given-up minutes, except for markets already reported as vanished."""
        found = list(records)
        keys = [vanished_key(record.currency_pair, record.exchange) for record in found]
        with translate_redis_errors():
            vanished = self._client.smismember(self._told, keys) if keys else []
        known = [record for record, is_known in zip(found, vanished, strict=True) if not is_known]
        sentences = dict(map(_unobtainable, known))
        for sentence in sentences.values():
            logger.error(sentence)
        self.note(sentences)

    def take(self) -> dict[str, str]:
        """Return the queued sentences by key; each goes to one task only."""
        with translate_redis_errors():
            keys = sorted(key.decode() for key in self._client.hkeys(self._untold))
            found = {key: self._client.eval(_CLAIM, 1, self._untold, key) for key in keys}
        return {key: sentence.decode() for key, sentence in found.items() if sentence is not None}


def vanished_key(currency_pair: str, exchange: str) -> str:
    """Return the key for a market that an exchange no longer lists."""
    return f"vanished|{currency_pair}|{exchange}"


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
        yield f"{count} minutes of {record.window} are unobtainable and not requested again: {reason}"
    if count := record.unconfirmed_slots * record.slot_ms // MINUTE_MS:
        yield f"{count} minutes of {record.window} were never confirmed after the day: {record.unconfirmed_reason}"
