import asyncio
import json
import threading

import numpy as np
import pytest

from candle_ingest.web.answer_cache import AnswerCache, PackedAnswer
from candle_ingest.web.limiter import Limiter


class Counting:
    def __init__(self):
        self.calls = 0

    def __call__(self):
        self.calls += 1
        return {"calls": self.calls}


def content(packed):
    return json.loads(packed.plain())


def run(scenario):
    return asyncio.run(asyncio.wait_for(scenario, 20))


def test_concurrent_equal_requests_share_one_response():
    async def scenario():
        cache, work = AnswerCache(Limiter()), Counting()
        answers = await asyncio.gather(*(cache.answer("key", work) for _ in range(60)))
        assert {content(packed)["calls"] for packed in answers} == {1}
        assert content(await cache.answer("key", work)) == {"calls": 1}

    run(scenario())


def test_a_fresh_response_is_made_again_and_cached():
    async def scenario():
        cache, work = AnswerCache(Limiter()), Counting()
        await cache.answer("key", work)
        assert content(await cache.answer("key", work, fresh=True)) == {"calls": 2}
        assert content(await cache.answer("key", work)) == {"calls": 2}

    run(scenario())


def test_a_response_is_made_again_after_it_expires():
    async def scenario():
        cache, work = AnswerCache(Limiter(), kept_seconds=0), Counting()
        await cache.answer("key", work)
        assert content(await cache.answer("key", work)) == {"calls": 2}

    run(scenario())


def test_an_error_reaches_every_client_and_is_not_kept():
    async def scenario():
        cache = AnswerCache(Limiter())

        def fail():
            raise ZeroDivisionError

        answers = await asyncio.gather(*(cache.answer("key", fail) for _ in range(3)), return_exceptions=True)
        assert [type(error) for error in answers] == [ZeroDivisionError] * 3
        assert content(await cache.answer("key", Counting())) == {"calls": 1}

    run(scenario())


def test_a_client_that_disconnects_cancels_no_other_request():
    async def scenario():
        cache, may_end = AnswerCache(Limiter()), threading.Event()

        def work():
            may_end.wait(10)
            return {"answer": 1}

        first, second = (asyncio.create_task(cache.answer("key", work)) for _ in range(2))
        await asyncio.sleep(0.01)
        first.cancel()
        may_end.set()
        assert content(await second) == {"answer": 1}

    run(scenario())


def test_the_oldest_responses_are_dropped_from_a_full_cache():
    async def scenario():
        cache, work = AnswerCache(Limiter(), most_bytes=100), Counting()
        for key in range(10):
            await cache.answer(key, work)
        await cache.answer(9, work)
        assert work.calls == 10
        await cache.answer(0, work)
        assert work.calls == 11

    run(scenario())


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_no_number_is_null_and_arrays_are_lists(value):
    packed = PackedAnswer.of({"array": np.array([[1, 2]]), "value": value})
    assert content(packed) == {"array": [[1, 2]], "value": None}
