"""The learnt pace of an exchange in Redis, for all tasks and for reports."""

import json
from typing import Any

import redis

from candle_ingest.connections import RedisClient
from candle_ingest.exchanges.learnt_pace import FORGOTTEN_AFTER_MS, LearntPace

KEY = "candle_ingest:pace:{}"


def pace_from_text(text: bytes | str | None) -> LearntPace:
    """Return the pace that `learn_from_refusal` stored; the usual one for None. Raises DataError for other texts."""
    if text is None:
        return LearntPace()
    try:
        slowdown, refused_ms = json.loads(text)
        return LearntPace(float(slowdown), int(refused_ms))
    except (ValueError, TypeError) as error:
        raise redis.DataError(f"{KEY.format('…')} does not hold a pace: {error}") from error


def learn_from_refusal(client: RedisClient, name: str) -> LearntPace:
    """Slow all tasks down, by the clock of Redis; simultaneous refusals of several tasks are all counted."""
    learnt = LearntPace()

    def learn(pipeline: Any) -> None:
        nonlocal learnt
        learnt = pace_from_text(pipeline.get(KEY.format(name))).after_refusal(clock_ms(pipeline.time()))
        pipeline.multi()
        text = json.dumps([learnt.slowdown, learnt.refused_ms])
        pipeline.set(KEY.format(name), text, px=FORGOTTEN_AFTER_MS)

    client.transaction(learn, KEY.format(name))
    return learnt


def read_pace(client: RedisClient, name: str) -> tuple[LearntPace, float]:
    """Return what was learnt about an exchange, and the current slowdown."""
    with client.pipeline(transaction=False) as pipeline:
        text, time = pipeline.get(KEY.format(name)).time().execute()
    learnt = pace_from_text(text)
    return learnt, learnt.slowdown_at(clock_ms(time))


def clock_ms(time: tuple[int, int]) -> int:
    """Return Redis's response to TIME in ms since 1970."""
    return time[0] * 1000 + time[1] // 1000
